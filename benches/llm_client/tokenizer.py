"""Makes a tokenizer and lays it where the client looks for one that it has fetched: nothing is fetched from a hub.

    tokenizer.py HOME

HOME is what HF_HOME is to be; the tokenizer's name is then sluice/bytes. It is a byte-level BPE, as those of most models
are, so that it reads any text; what it was trained on makes one token of each word that the mock says.
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

LINES = ["Loopback is the shortest way to nowhere: what is sent comes back at once,", " word word word word"]
END = "<|end|>"
# A cache is by commit, and this is of none.
REVISION = "0" * 40

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
trainer = trainers.BpeTrainer(vocab_size=1000, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
tokenizer.train_from_iterator(LINES, trainer)

model = Path(sys.argv[1]) / "hub" / "models--sluice--bytes"
snapshot = model / "snapshots" / REVISION
snapshot.mkdir(parents=True, exist_ok=True)
tokenizer.save(str(snapshot / "tokenizer.json"))
config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": END, "model_max_length": 131072}
(snapshot / "tokenizer_config.json").write_text(json.dumps(config))
(model / "refs").mkdir(exist_ok=True)
(model / "refs" / "main").write_text(REVISION)

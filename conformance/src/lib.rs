//! The proof: agents end to end, attacks, faults.

//! Durations as Gateway API writes them (GEP-2257): `1h30m`, `500ms`; whole numbers of at most five digits.

use std::time::Duration;

/// Parses a duration; `None` when the text is none. `0s` is a duration like any other.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut units = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=5).contains(&digits) {
            return None;
        }
        let number: u64 = rest[..digits].parse().ok()?;
        let (unit, after) = unit(&rest[digits..])?;
        total += unit.checked_mul(u32::try_from(number).ok()?)?;
        rest = after;
        units += 1;
    }
    (1..=4).contains(&units).then_some(total)
}

fn unit(text: &str) -> Option<(Duration, &str)> {
    // `ms` before `m`: the longer word is meant.
    let units = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    units.iter().find_map(|(name, millis)| Some((Duration::from_millis(*millis), text.strip_prefix(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of GEP-2257.
    #[test]
    fn written_as_the_gep_says() {
        for (text, millis) in [
            ("0h", 0),
            ("0s", 0),
            ("0h0m0s", 0),
            ("1h", 3_600_000),
            ("30m", 1_800_000),
            ("10s", 10_000),
            ("500ms", 500),
            ("2h30m", 9_000_000),
            ("150m", 9_000_000),
            ("7230s", 7_230_000),
            ("1h30m10s", 5_410_000),
            ("10s30m1h", 5_410_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "1", "1d", "1", "1.5h", "-1h", "h", "100000h", "1 h", "1h1h1h1h1h", "1us", "١s"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}

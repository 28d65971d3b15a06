//! Kubernetes quantities (`500m`, `64Mi`), as far as the downward API needs them.

/// The memory that the node says it has: 16 GiB, in thousandths of a byte.
pub(crate) const NODE_MEMORY: u128 = (16 << 30) * 1000;

/// The processors of this machine, in thousandths.
pub(crate) fn node_cpu() -> u128 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u128) * 1000
}

/// A quantity in thousandths of its unit; none if it is none, is negative, or has decimals that this form cannot hold.
pub(crate) fn thousandths(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let factor: u128 = match suffix {
        "m" => 1,
        "" => 1000,
        "k" => 1000 * 1000,
        "M" => 1000 * 1000_u128.pow(2),
        "G" => 1000 * 1000_u128.pow(3),
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9)?;
    let scaled: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some((scaled * factor).div_ceil(10_u128.pow(digits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        let cases = [
            ("500m", Some(500)),
            ("2", Some(2000)),
            ("0.5", Some(500)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("64Mi", Some(67_108_864_000)),
            ("1k", Some(1_000_000)),
            ("", None),
            ("x", None),
            ("-1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }
}

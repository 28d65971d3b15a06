//! The time of the access log.

use std::time::{SystemTime, UNIX_EPOCH};

use super::digits::Text;

/// ISO 8601 in UTC with milliseconds, Envoy's `%START_TIME%`.
pub(super) fn timestamp(time: SystemTime) -> Text {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    Text::time(date(days), second, since.subsec_millis())
}

/// Year, month and day of the Gregorian calendar for a number of days since 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    const FOUR_CENTURIES: u64 = 146_097;
    // Counted from 1 March of the year 0, the leap day is the last one of its year, century and cycle.
    let days = days + 719_468;
    let (cycle, day) = (days / FOUR_CENTURIES, days % FOUR_CENTURIES);
    let century = (day / 36_524).min(3);
    let day = day - century * 36_524;
    let (leap, day) = (day / 1461, day % 1461);
    let year = (day / 365).min(3);
    let day = day - year * 365;
    // Months from March have 31, 30, 31, 30, 31 days, over and over: 153 days in five months.
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + century * 100 + leap * 4 + year + next, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (789, (1972, 2, 29)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_781, (2026, 11, 24)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}

//! When pipelines run by themselves: from a minute of the day on, every so often (spec section 7.2).

/// The periods there are, and their minutes.
pub const PERIODS: [(&str, i64); 10] = [
    ("5m", 5),
    ("15m", 15),
    ("30m", 30),
    ("1h", 60),
    ("2h", 120),
    ("3h", 180),
    ("6h", 360),
    ("8h", 480),
    ("12h", 720),
    ("24h", 1440),
];

/// Minutes of a day.
const DAY: i64 = 1440;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The minutes of a period.
pub fn minutes_of(period: &str) -> Option<i64> {
    PERIODS.iter().find(|(name, _)| *name == period).map(|(_, minutes)| *minutes)
}

/// The latest minute (since 1970) up to a time (microseconds) in which a run is due: one whose minute of the day
/// (UTC) lies a multiple of the period from the start.
pub fn latest_due(period: &str, start: u16, now: i64) -> Option<i64> {
    let period = minutes_of(period)?;
    let minute = now.div_euclid(MICROS_PER_MINUTE);
    // Every period divides the day, so that days do not matter.
    Some(minute - (minute.rem_euclid(DAY) - i64::from(start)).rem_euclid(period))
}

/// The minute of the day in which a connection's runs begin: the same for all its pipelines, spread over the day.
pub fn start_of(connection: i64) -> u16 {
    // A multiplicative hash: neighbours lie far apart.
    let spread = connection.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    u16::try_from(spread % 1440).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_due_by_the_clock() {
        let at = |hours: i64, minutes: i64| (hours * 60 + minutes) * MICROS_PER_MINUTE;
        for (period, start, now, due) in [
            ("1h", 15, at(10, 20), Some(at(10, 15))),
            ("1h", 15, at(10, 15), Some(at(10, 15))),
            ("1h", 15, at(10, 14), Some(at(9, 15))),
            ("24h", 180, at(24 + 2, 59), Some(at(3, 0))),
            ("24h", 180, at(24 + 3, 0), Some(at(27, 0))),
            ("5m", 1439, at(0, 5), Some(at(0, 4))),
            ("8h", 600, at(1, 0), Some(at(-6, 0))),
            ("7m", 0, 0, None),
        ] {
            let found = latest_due(period, start, now).map(|minute| minute * MICROS_PER_MINUTE);
            assert_eq!(found, due, "{period} {start} {now}");
        }
    }

    #[test]
    fn starts_are_minutes_of_a_day() {
        assert!((0..10_000).all(|connection| start_of(connection) < 1440));
        assert_eq!(start_of(7), start_of(7));
    }
}

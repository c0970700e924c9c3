//! Serial numbers: a sheet stores a date as days since its epoch, a time as a part of a day.

use dray_model::value::{append_date, append_time};

/// What a number in a cell stands for, by the cell's number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    /// A number; also a percentage, which is the fraction that is stored.
    Number,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A day and a time of day.
    DateTime,
    /// Hours, minutes and seconds that may be more than a day.
    Duration,
    /// A day, a time of day or both: as the number is.
    Moment,
}

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Epoch {
    /// Day 1 is 1900-01-01, and day 60 is a 29 February that never was.
    Year1900,
    /// Day 0 is 1904-01-01.
    Year1904,
}

const MILLISECONDS_PER_DAY: i64 = 86_400_000;
const MICROS_PER_MILLISECOND: i64 = 1000;

/// 1899-12-30 and 1904-01-01 as days since 1970-01-01.
const START_OF_1900: i64 = -25_569;
const START_OF_1904: i64 = -24_107;

/// 9999-12-31 as days since 1970-01-01.
const LAST_DAY: i64 = 2_932_896;

/// The 29 February 1900 that spreadsheet programs believe in.
const DAY_THAT_NEVER_WAS: i64 = 60;

/// Appends a serial number as `2024-03-01`, `10:20:30` or `2024-03-01T10:20:30`, which has no zone as a
/// workbook has none. Seconds have up to three decimals: a serial number holds no more. Returns false
/// (and appends nothing) where the number is no such moment.
///
/// No time of day is dropped: a number formatted as a date that has one is written with it.
pub(super) fn append_moment(serial: f64, kind: NumberKind, epoch: Epoch, out: &mut String) -> bool {
    let milliseconds = (serial * MILLISECONDS_PER_DAY as f64).round();
    if kind == NumberKind::Number || !(0.0..4e14).contains(&milliseconds) {
        return false;
    }
    let milliseconds = milliseconds as i64;
    if kind == NumberKind::Duration {
        append_time(milliseconds * MICROS_PER_MILLISECOND, out);
        return true;
    }
    let (day, of_day) = (milliseconds / MILLISECONDS_PER_DAY, milliseconds % MILLISECONDS_PER_DAY);
    let has_time = match kind {
        NumberKind::Date | NumberKind::Moment => of_day > 0,
        _ => true,
    };
    let is_date = match (day, epoch) {
        // In 1900 day 0 is no day, so that a number below 1 is a time of day whatever its format.
        (0, Epoch::Year1900) => !has_time && kind == NumberKind::Date,
        (0, Epoch::Year1904) => matches!(kind, NumberKind::Date | NumberKind::DateTime),
        _ => true,
    };
    if is_date && !append_day(day, epoch, out) {
        return false;
    }
    if is_date && has_time {
        out.push('T');
    }
    if has_time || !is_date {
        append_time(of_day * MICROS_PER_MILLISECOND, out);
    }
    true
}

/// Appends a day as the spreadsheet program shows it, also the two that are none.
fn append_day(day: i64, epoch: Epoch, out: &mut String) -> bool {
    let days = match epoch {
        Epoch::Year1904 => START_OF_1904 + day,
        Epoch::Year1900 if day == 0 => {
            out.push_str("1900-01-00");
            return true;
        }
        Epoch::Year1900 if day == DAY_THAT_NEVER_WAS => {
            out.push_str("1900-02-29");
            return true;
        }
        Epoch::Year1900 if day < DAY_THAT_NEVER_WAS => START_OF_1900 + 1 + day,
        Epoch::Year1900 => START_OF_1900 + day,
    };
    if days > LAST_DAY {
        return false;
    }
    append_date(days, out);
    true
}

/// The serial number (from 1900) of a day since 1970-01-01. `None` before 1900-03-01, where programs
/// count differently, and after 9999.
pub(super) fn serial_of_day(days: i64) -> Option<f64> {
    let serial = days - START_OF_1900;
    (serial > DAY_THAT_NEVER_WAS && days <= LAST_DAY).then_some(serial as f64)
}

/// The part of a day that a time is. `None` where it has more than three decimals of a second, which a
/// serial number cannot hold beside a day.
pub(super) fn serial_of_time(micros: i64) -> Option<f64> {
    let milliseconds = micros / MICROS_PER_MILLISECOND;
    ((0..MILLISECONDS_PER_DAY).contains(&milliseconds) && micros % MICROS_PER_MILLISECOND == 0)
        .then_some(milliseconds as f64 / MILLISECONDS_PER_DAY as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(serial: f64, kind: NumberKind, epoch: Epoch) -> Option<String> {
        let mut out = String::new();
        append_moment(serial, kind, epoch, &mut out).then_some(out)
    }

    #[test]
    fn serial_numbers_are_moments() {
        use NumberKind::{Date, DateTime, Duration, Moment, Number, Time};
        for (serial, kind, text) in [
            (45352.0, Date, Some("2024-03-01")),
            (45352.0, DateTime, Some("2024-03-01T00:00:00")),
            (45352.0, Moment, Some("2024-03-01")),
            (45_352.430_902_777_78, DateTime, Some("2024-03-01T10:20:30")),
            (45_352.430_902_777_78, Date, Some("2024-03-01T10:20:30")),
            (45352.43090277, DateTime, Some("2024-03-01T10:20:29.999")),
            (0.430902777777778, Time, Some("10:20:30")),
            (0.5, DateTime, Some("12:00:00")),
            (0.0, Time, Some("00:00:00")),
            (0.0, Date, Some("1900-01-00")),
            (1.0, Date, Some("1900-01-01")),
            (59.0, Date, Some("1900-02-28")),
            (60.0, Date, Some("1900-02-29")),
            (61.0, Date, Some("1900-03-01")),
            (2_958_465.0, Date, Some("9999-12-31")),
            (2_958_466.0, Date, None),
            (-1.0, Date, None),
            (f64::NAN, Date, None),
            (f64::INFINITY, Duration, None),
            (1.5, Duration, Some("36:00:00")),
            (45352.99999999999, DateTime, Some("2024-03-02T00:00:00")),
            (1.0, Number, None),
        ] {
            assert_eq!(moment(serial, kind, Epoch::Year1900).as_deref(), text, "{serial} {kind:?}");
        }
        for (serial, kind, text) in [
            (0.0, Date, Some("1904-01-01")),
            (43_890.0, Date, Some("2024-03-01")),
            (0.25, Time, Some("06:00:00")),
            (2_957_003.0, Date, Some("9999-12-31")),
            (2_957_004.0, Date, None),
        ] {
            assert_eq!(moment(serial, kind, Epoch::Year1904).as_deref(), text, "{serial} {kind:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_millisecond_comes_back(days in -25_508_i64..=LAST_DAY, of_day in 0_i64..MILLISECONDS_PER_DAY) {
            let serial = serial_of_day(days).unwrap() + serial_of_time(of_day * 1000).unwrap();
            let mut expected = String::new();
            append_date(days, &mut expected);
            expected.push('T');
            append_time(of_day * 1000, &mut expected);
            proptest::prop_assert_eq!(moment(serial, NumberKind::DateTime, Epoch::Year1900), Some(expected));
        }
    }
}

//! How the cells of a column are read where people write the same value in several ways.

/// How the cells of one column are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// The order of day and month where the year comes last.
    pub date_order: Option<DateOrder>,
    /// The sign before the decimals.
    pub decimal_mark: DecimalMark,
}

/// The order of day and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// 31/12/2025
    DayFirst,
    /// 12/31/2025
    MonthFirst,
}

/// The sign before the decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DecimalMark {
    /// 1,234.56
    #[default]
    Point,
    /// 1.234,56
    Comma,
}

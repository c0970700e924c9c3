//! The one table of functions: their names, how many arguments they take, and which of them only
//! triggers know.

/// A function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// True if all arguments are.
    And,
    /// True if one argument is.
    Or,
    /// The opposite.
    Not,
    /// Equal, null where either is null.
    Eq,
    /// Unequal, null where either is null.
    Ne,
    /// The second argument where the first is true, else the third.
    If,
    /// The first argument that is not null.
    Coalesce,
    /// An array of the arguments.
    Array,
    /// A map of keys and values.
    Map,
    /// The JSON a text holds.
    JsonParse,
    /// Small letters.
    Lower,
    /// Capital letters.
    Upper,
    /// Each word with a capital.
    InitCap,
    /// Without white space at both ends.
    Trim,
    /// Without white space at the beginning.
    TrimLeft,
    /// Without white space at the end.
    TrimRight,
    /// Part of a text.
    Substring,
    /// How many characters, elements or members.
    Length,
    /// Equal; null equals only null.
    Equals,
    /// Unequal; null equals only null.
    NotEquals,
    /// True where there is a value.
    Exists,
    /// True where the second is part of the first.
    Contains,
    /// True where the first text begins with the second.
    StartsWith,
    /// True where the first text ends with the second.
    EndsWith,
    /// True where the first equals one of the others.
    In,
    /// Smaller.
    LessThan,
    /// Smaller or equal.
    LessThanOrEqual,
    /// Larger.
    GreaterThan,
    /// Larger or equal.
    GreaterThanOrEqual,
}

/// What is known of a function.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// How it is written.
    pub name: &'static str,
    /// Which function it is.
    pub function: Function,
    /// The fewest arguments.
    pub least: usize,
    /// The most arguments; any number where there is no limit.
    pub most: Option<usize>,
    /// True where only triggers know it.
    pub only_triggers: bool,
}

const fn mapping(name: &'static str, function: Function, least: usize, most: Option<usize>) -> Signature {
    Signature { name, function, least, most, only_triggers: false }
}

const fn trigger(name: &'static str, function: Function, least: usize, most: Option<usize>) -> Signature {
    Signature { name, function, least, most, only_triggers: true }
}

/// All functions. Where one has two names, they stand side by side, the one that is written first.
pub const FUNCTIONS: [Signature; 33] = [
    mapping("and", Function::And, 2, None),
    mapping("or", Function::Or, 2, None),
    mapping("not", Function::Not, 1, Some(1)),
    mapping("eq", Function::Eq, 2, Some(2)),
    mapping("ne", Function::Ne, 2, Some(2)),
    mapping("if", Function::If, 2, Some(3)),
    mapping("coalesce", Function::Coalesce, 1, None),
    mapping("array", Function::Array, 0, None),
    mapping("map", Function::Map, 0, None),
    mapping("json_parse", Function::JsonParse, 1, Some(1)),
    mapping("lower", Function::Lower, 1, Some(1)),
    mapping("upper", Function::Upper, 1, Some(1)),
    mapping("initcap", Function::InitCap, 1, Some(1)),
    mapping("trim", Function::Trim, 1, Some(1)),
    mapping("ltrim", Function::TrimLeft, 1, Some(1)),
    mapping("rtrim", Function::TrimRight, 1, Some(1)),
    mapping("substring", Function::Substring, 2, Some(3)),
    mapping("len", Function::Length, 1, Some(1)),
    trigger("equals", Function::Equals, 2, Some(2)),
    trigger("not_equals", Function::NotEquals, 2, Some(2)),
    trigger("exists", Function::Exists, 1, Some(1)),
    trigger("contains", Function::Contains, 2, Some(2)),
    trigger("starts_with", Function::StartsWith, 2, Some(2)),
    trigger("ends_with", Function::EndsWith, 2, Some(2)),
    trigger("in", Function::In, 2, None),
    trigger("less_than", Function::LessThan, 2, Some(2)),
    trigger("lt", Function::LessThan, 2, Some(2)),
    trigger("less_than_or_equal", Function::LessThanOrEqual, 2, Some(2)),
    trigger("lte", Function::LessThanOrEqual, 2, Some(2)),
    trigger("greater_than", Function::GreaterThan, 2, Some(2)),
    trigger("gt", Function::GreaterThan, 2, Some(2)),
    trigger("greater_than_or_equal", Function::GreaterThanOrEqual, 2, Some(2)),
    trigger("gte", Function::GreaterThanOrEqual, 2, Some(2)),
];

impl Function {
    /// What is known of it; of two names, the one that is written.
    pub fn signature(self) -> Option<&'static Signature> {
        FUNCTIONS.iter().find(|signature| signature.function == self)
    }
}

/// The function of a name; the error says which one may have been meant.
pub(super) fn find_function(name: &str, triggers: bool) -> Result<&'static Signature, String> {
    let known = || FUNCTIONS.iter().filter(|signature| triggers || !signature.only_triggers);
    if let Some(signature) = known().find(|signature| signature.name == name) {
        return Ok(signature);
    }
    let shown = dray_model::problem::shown(name);
    if name == "when" {
        return Err("there is no function `when`; write `if`".to_owned());
    }
    let lower: String = name.chars().take(32).flat_map(char::to_lowercase).collect();
    let near = known().find(|signature| strsim::levenshtein(signature.name, &lower) <= 1);
    Err(match near {
        Some(signature) => format!("there is no function `{shown}`; write `{}`", signature.name),
        None => {
            let mut functions: Vec<&Signature> = known().collect();
            functions.dedup_by_key(|signature| signature.function);
            let names: Vec<&str> = functions.iter().map(|signature| signature.name).collect();
            format!("there is no function `{shown}`; the functions are {}", names.join(", "))
        }
    })
}

impl Signature {
    /// What is wrong with calling it with so many arguments.
    pub(super) fn wrong_count(&self, given: usize) -> Option<String> {
        let Self { name, least, .. } = self;
        let arguments =
            |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
        if given < *least {
            return Some(match self.most {
                Some(most) if most == *least => {
                    format!("`{name}` takes {}, not {given}", arguments(*least))
                }
                _ => format!("`{name}` takes at least {}, not {given}", arguments(*least)),
            });
        }
        if let Some(most) = self.most.filter(|most| given > *most) {
            let at_most = if most == *least { "" } else { "at most " };
            return Some(format!("`{name}` takes {at_most}{}, not {given}", arguments(most)));
        }
        if self.function == Function::Map && given % 2 == 1 {
            return Some(format!("`map` takes a value for each key; {given} arguments are not pairs"));
        }
        None
    }
}

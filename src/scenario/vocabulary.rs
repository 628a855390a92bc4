//! The vocabulary of expressions: the tokens, the keywords, and the functions and quantities with their usage.
//! The quantities and their arguments come from the table of the model.

use std::ops::Range;

use super::diagnostic::quoted;
use super::time_literal::{self, TimeUnit};
use crate::model::{Comparison, Date, Quantity, Signature};

/// A token and its position in the text of the expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
}

/// The kind of a token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Number(f64),
    Date(Date),
    /// A name or a keyword; its text is the span's.
    Name,
    Plus,
    Minus,
    Times,
    Over,
    Compare(Comparison),
    Open,
    Close,
    Comma,
    /// Invalid text: a message and a remedy.
    Invalid(String, Option<String>),
    End,
}

/// Splits an expression into tokens; the last is [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\t', '\r', '\n']).len();
        let (kind, length) = token(&text[at..]);
        let end = kind == TokenKind::End || matches!(kind, TokenKind::Invalid(..));
        found.push(Token { kind, span: at..at + length });
        at += length;
        if end {
            return found;
        }
    }
}

/// The token that `rest` begins with, and its length in bytes.
fn token(rest: &str) -> (TokenKind, usize) {
    let Some(first) = rest.chars().next() else { return (TokenKind::End, 0) };
    match first {
        '0'..='9' | '.' => date(rest).unwrap_or_else(|| number(rest)),
        'a'..='z' | 'A'..='Z' | '_' => (TokenKind::Name, name_length(rest)),
        _ => operator(rest, first),
    }
}

fn name_length(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

fn operator(rest: &str, first: char) -> (TokenKind, usize) {
    const WORDS: [(&str, TokenKind); 13] = [
        ("<=", TokenKind::Compare(Comparison::LessOrEqual)),
        (">=", TokenKind::Compare(Comparison::GreaterOrEqual)),
        ("==", TokenKind::Compare(Comparison::Equal)),
        ("!=", TokenKind::Compare(Comparison::NotEqual)),
        ("<", TokenKind::Compare(Comparison::Less)),
        (">", TokenKind::Compare(Comparison::Greater)),
        ("+", TokenKind::Plus),
        ("-", TokenKind::Minus),
        ("*", TokenKind::Times),
        ("/", TokenKind::Over),
        ("(", TokenKind::Open),
        (")", TokenKind::Close),
        (",", TokenKind::Comma),
    ];
    // Operators of other languages, longest first, and the remedy.
    const STRANGE: [(&str, &str); 23] = [
        ("**", "multiply a number with itself: `x * x`"),
        ("<>", "write `!=`"),
        ("=>", "write `>=`"),
        ("=<", "write `<=`"),
        ("&&", "write `and`"),
        ("||", "write `or`"),
        ("&", "write `and`"),
        ("|", "write `or`"),
        ("!", "write `not`"),
        ("=", "write `==` to compare"),
        ("^", "multiply a number with itself: `x * x`"),
        ("%", "write a share as a number: `0.5` for 50 %"),
        (";", "an expression ends without a `;`"),
        ("#", "a comment stands outside of the quotes"),
        ("\"", "names stand without quotes"),
        ("'", "names stand without quotes"),
        ("≥", "write `>=`"),
        ("≤", "write `<=`"),
        ("≠", "write `!=`"),
        ("−", "write `-`"),
        ("–", "write `-`"),
        ("×", "write `*`"),
        ("·", "write `*`"),
    ];
    if !rest.starts_with("!=")
        && let Some(&(text, help)) =
            STRANGE.iter().find(|(text, _)| rest.starts_with(text) && !(rest.starts_with("==") && *text == "="))
    {
        return (TokenKind::Invalid(format!("unexpected {}", quoted(text)), Some(help.to_owned())), text.len());
    }
    if let Some((text, kind)) = WORDS.iter().find(|(text, _)| rest.starts_with(text)) {
        return (kind.clone(), text.len());
    }
    let shown = &rest[..first.len_utf8()];
    let help = match first {
        '[' | ']' | '{' | '}' => Some("write `(` and `)`".to_owned()),
        _ if first.is_ascii() => Some(
            "expressions have numbers, names, `+ - * /`, comparisons, `and`, `or`, `not`, commas and parentheses"
                .to_owned(),
        ),
        _ => Some("an expression is written in plain ASCII".to_owned()),
    };
    (TokenKind::Invalid(format!("unexpected character {}", quoted(shown)), help), first.len_utf8())
}

/// `2004-11-18`, `2004-11-18T06:00`. A text in the form of a date is never a difference.
fn date(rest: &str) -> Option<(TokenKind, usize)> {
    if let Some(length) = time_literal::date_length(rest) {
        let text = &rest[..length];
        let kind = match time_literal::date(text) {
            Some(date) => TokenKind::Date(date),
            None => TokenKind::Invalid(
                format!("{} is no date of the calendar", quoted(text)),
                Some("dates are written `2025-03-10` or `2025-03-10T18:00`".into()),
            ),
        };
        return Some((kind, length));
    }
    time_literal::date_length(rest.get(..10)?).filter(|_| rest[10..].starts_with(['T', 't']))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-:._+".contains(c))).unwrap_or(rest.len());
    let message = format!("not a moment: {}", quoted(&rest[..end]));
    let help = "a moment is written `2025-03-10`, `2025-03-10T18:00` or `2025-03-10T18:00:00`, of the run's own place";
    Some((TokenKind::Invalid(message, Some(help.into())), end))
}

/// `1`, `1.5`, `.5`, `1e3`; a unit of time may follow without a space
fn number(rest: &str) -> (TokenKind, usize) {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    let mut length = whole;
    let mut fraction = 0;
    if rest[length..].starts_with('.') {
        fraction = digits(length + 1);
        length += 1 + fraction;
    }
    let wrong = |length: usize, message: &str, help: &str| {
        (TokenKind::Invalid(format!("{message}: {}", quoted(&rest[..length])), Some(help.to_owned())), length)
    };
    if whole + fraction == 0 {
        return wrong(1, "a point without digits", "write a number such as `0.5`");
    }
    if length > whole && fraction == 0 {
        return wrong(length, "a number ends with a point", "write digits after the point, such as `1.0`");
    }
    if rest[length..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        if exponent == 0 && !rest[length + 1 + sign..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            return wrong(length + 1 + sign, "an exponent without digits", "write a number such as `1e3`");
        }
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    let tail = rest[length..]
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(rest.len() - length);
    if tail > 0 && TimeUnit::named(&rest[length..length + tail]).is_none() {
        return wrong(
            length + tail,
            "not a number",
            "numbers are written `1`, `1.5`, `.5` or `1e3`; names begin with a letter",
        );
    }
    match rest[..length].parse::<f64>() {
        Ok(value) if value.is_finite() => (TokenKind::Number(value), length),
        _ => wrong(length, "the number is too large", "numbers end at about 1.8e308"),
    }
}

/// Functions of numbers.
pub(super) const FUNCTIONS: [&str; 9] = ["min", "max", "clamp", "abs", "sqrt", "exp", "ln", "if", "curve"];

/// The number of actors in a group, which is written as a quantity and known before any run.
pub(super) const MEMBERS: &str = "members";

/// Words that are neither quantities nor functions.
const KEYWORDS: [&str; 5] = ["and", "or", "not", "true", "false"];

/// The kind of arguments that a quantity takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArgumentKind {
    /// A resource, and perhaps an actor or a group.
    Resource,
    /// A resource, perhaps an actor or a group, and perhaps an observer.
    Observed,
    /// A commitment, or one instance of it: `c/a`.
    Commitment,
    /// An actor or a group, and perhaps an issue.
    Stance,
    /// Two actors.
    Pair,
    /// An attribute of the reader.
    Attribute,
    /// A meeting, a shock or a move.
    Occurrence,
    /// An outcome.
    Outcome,
    /// A series of data.
    Data,
    /// An actor or a group.
    Group,
}

impl ArgumentKind {
    /// The kind for a quantity with this signature; `None` if it is written without arguments.
    fn of(signature: Signature) -> Option<Self> {
        match signature {
            Signature::Slot => Some(Self::Resource),
            Signature::Observed => Some(Self::Observed),
            Signature::Promises => Some(Self::Commitment),
            Signature::Stance | Signature::Mean => Some(Self::Stance),
            Signature::Pair => Some(Self::Pair),
            Signature::Attribute => Some(Self::Attribute),
            Signature::Meeting | Signature::Shock | Signature::Move => Some(Self::Occurrence),
            Signature::Outcome => Some(Self::Outcome),
            Signature::Data => Some(Self::Data),
            Signature::Nothing | Signature::OwnStance | Signature::Member => None,
        }
    }

    /// The least and the largest number of arguments.
    pub(super) fn count(self) -> (usize, usize) {
        match self {
            Self::Resource | Self::Stance => (1, 2),
            Self::Observed => (1, 3),
            Self::Pair => (2, 2),
            Self::Commitment | Self::Attribute | Self::Occurrence | Self::Outcome | Self::Data | Self::Group => (1, 1),
        }
    }

    /// The usage of a quantity with arguments of this kind.
    fn usage(self, name: &str) -> String {
        match self {
            Self::Resource => format!("write `{name}(resource)`, or `{name}(resource, actor or group)`"),
            Self::Observed => format!(
                "write `{name}(resource, group)` in a commitment, `{name}(resource, group, observer)` elsewhere"
            ),
            Self::Commitment => format!("write `{name}(commitment)` or `{name}(commitment/actor)`"),
            Self::Stance => format!("write `{name}(actor)` or `{name}(actor, issue)`"),
            Self::Pair => format!("write `{name}(actor, actor)`"),
            Self::Attribute => format!("write `{name}(attribute)`"),
            Self::Occurrence => format!("write `{name}(meeting)` or `{name}(shock)`"),
            Self::Outcome => format!("write `{name}(outcome)`"),
            Self::Data => format!("write `{name}(series)`"),
            Self::Group => format!("write `{name}(group)`"),
        }
    }
}

/// The words with a meaning in expressions, which no parameter or definition may have as a name.
pub(super) fn all<'a>() -> impl Iterator<Item = &'a str> {
    let quantities = Quantity::SIGNATURES.iter().map(|&(name, _)| name);
    quantities.chain([MEMBERS]).chain(FUNCTIONS).chain(KEYWORDS)
}

/// The names of the quantities that take arguments, each once.
pub(super) fn called<'a>() -> impl Iterator<Item = &'a str> {
    let mut names: Vec<&str> = Vec::new();
    let taking = Quantity::SIGNATURES.iter().filter(|(_, signature)| ArgumentKind::of(*signature).is_some());
    for name in taking.map(|&(name, _)| name).chain([MEMBERS]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter()
}

/// The kind of arguments of the quantity with this name; `None` if there is no such quantity.
pub(super) fn argument_kind(name: &str) -> Option<ArgumentKind> {
    let mut quantities = Quantity::SIGNATURES.iter().filter(|(known, _)| *known == name);
    let kind = quantities.find_map(|&(_, signature)| ArgumentKind::of(signature));
    kind.or_else(|| (name == MEMBERS).then_some(ArgumentKind::Group))
}

/// The signature of a quantity that is written without arguments.
pub(super) fn alone(name: &str) -> Option<Signature> {
    let mut quantities = Quantity::SIGNATURES.iter().filter(|(known, _)| *known == name);
    quantities.find(|(_, signature)| ArgumentKind::of(*signature).is_none()).map(|&(_, signature)| signature)
}

/// Whether a name is a reserved word.
pub(super) fn is_word(name: &str) -> bool {
    all().any(|word| word == name)
}

/// The usage of a function or quantity.
pub(super) fn usage(name: &str) -> String {
    match name {
        "min" | "max" => format!("write `{name}(a, b)`, with as many numbers as you like"),
        "clamp" => "write `clamp(a, low, high)`".into(),
        "if" => "write `if(condition, a, b)`".into(),
        "abs" | "sqrt" | "exp" | "ln" => format!("write `{name}(a)`"),
        "curve" => "write `curve(x, x1, y1, x2, y2)`, with as many points as you like".into(),
        _ => argument_kind(name).unwrap_or(ArgumentKind::Occurrence).usage(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[TokenKind]) {
        let mut kinds: Vec<TokenKind> = tokens(text).into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds.pop(), Some(TokenKind::End), "{text}");
        assert_eq!(kinds, expected, "{text}");
    }

    fn refused(text: &str, message: &str) {
        let last = tokens(text).pop().unwrap();
        assert!(matches!(&last.kind, TokenKind::Invalid(found, _) if found == message), "{text}: {last:?}");
    }

    #[test]
    fn numbers_are_read_as_documented() {
        for (text, value) in [("1", 1.0), ("1.5", 1.5), (".5", 0.5), ("1e3", 1e3), ("2E-3", 2e-3), ("1.5e+2", 150.0)] {
            check(text, &[TokenKind::Number(value)]);
        }
        refused("1.", "a number ends with a point: `1.`");
        refused(".", "a point without digits: `.`");
        refused("30_000", "not a number: `30_000`");
        refused("1.5.2", "not a number: `1.5.2`");
        refused("0x10", "not a number: `0x10`");
        refused("1e+", "an exponent without digits: `1e+`");
        refused("1e999", "the number is too large: `1e999`");
    }

    #[test]
    fn dates_are_single_tokens() {
        use TokenKind::{Date, Minus, Name, Number};
        let date = jiff::civil::date(2004, 11, 18).at(0, 0, 0, 0);
        check("2004-11-18", &[Date(date)]);
        check("2004-11-18T06:30-1", &[Date(date.with().hour(6).minute(30).build().unwrap()), Minus, Number(1.0)]);
        check("2004 - 11 - 18", &[Number(2004.0), Minus, Number(11.0), Minus, Number(18.0)]);
        check("2004-11-181", &[Number(2004.0), Minus, Number(11.0), Minus, Number(181.0)]);
        check("90days", &[Number(90.0), Name]);
        check("1.5 weeks", &[Number(1.5), Name]);
        refused("2023-02-29", "`2023-02-29` is no date of the calendar");
        refused("2023-02-28T18:00Z", "not a moment: `2023-02-28T18:00Z`");
        refused("2023-02-28T18:00:00.5", "not a moment: `2023-02-28T18:00:00.5`");
        refused("90dayz", "not a number: `90dayz`");
    }

    #[test]
    fn operators_are_the_longest_that_fit() {
        use TokenKind::{Close, Comma, Compare, Minus, Name, Number, Open};
        check("a<=b", &[Name, Compare(Comparison::LessOrEqual), Name]);
        check("a == b != c", &[Name, Compare(Comparison::Equal), Name, Compare(Comparison::NotEqual), Name]);
        check("f(-1,\n\tx)", &[Name, Open, Minus, Number(1.0), Comma, Name, Close]);
        refused("a = b", "unexpected `=`");
        refused("a => b", "unexpected `=>`");
        refused("a && b", "unexpected `&&`");
        refused("a \u{200b}", "unexpected character `\\u{200b}`");
    }
}

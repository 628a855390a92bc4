//! Escaping and quoting of foreign text, and suggestions for misspelt names.
//!
//! A file can contain any character. Characters that are invisible, or that would move others on the screen, are shown
//! as escapes. So are unusual spaces in a message that quotes a part of a file to explain an error.

/// The largest number of characters of a file that a message repeats.
const QUOTED: usize = 60;

/// Whether a character is invisible or acts on a terminal or on its neighbours: control characters, the characters that
/// Unicode calls default ignorable (such as zero-width and bidirectional ones), and line and paragraph separators.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// A text from a file or an argument in full length, escaped for one line of a terminal.
///
/// ```
/// assert_eq!(backstop::text::escaped("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
/// ```
#[must_use]
pub fn escaped(text: &str) -> String {
    escape(text.chars(), is_hidden)
}

/// A text from a file or an argument, shortened, with every ambiguous character escaped.
#[must_use]
pub fn visible(text: &str) -> String {
    let odd = |character: char| is_hidden(character) || character.is_whitespace() && character != ' ';
    let mut shown = escape(text.chars().take(QUOTED), odd);
    if text.chars().nth(QUOTED).is_some() {
        shown.push('…');
    }
    shown
}

fn escape(text: impl Iterator<Item = char>, is_bad: impl Fn(char) -> bool) -> String {
    let mut shown = String::new();
    for character in text {
        if is_bad(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// As [`visible`], in backticks.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("`{}`", visible(text))
}

/// Names in backticks joined by commas and `or`; a long list is cut.
#[must_use]
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().take(13).map(quoted).collect();
    match names.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        names if names.len() > 12 => format!("{} …", names[..12].join(", ")),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// As [`listed`], without a cut.
#[must_use]
pub fn all_listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(quoted).collect();
    match names.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The known name closest to `name`, if at most one letter in three differs. Among names of equal distance, the first.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let length = name.chars().count();
    if length > 2 * QUOTED {
        return None;
    }
    let lower = name.to_lowercase();
    let allowed = (length / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (strsim::osa_distance(&lower, candidate), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// A question with the nearest name: 'did you mean …?'
#[must_use]
pub fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    nearest(name, known).map(|candidate| format!("did you mean {}?", quoted(candidate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_or_hostile_is_shown() {
        assert_eq!(escaped("a\u{1b}[2J\n\u{202e}b"), "a\\u{1b}[2J\\u{a}\\u{202e}b");
        for hidden in ['\u{0}', '\u{7f}', '\u{9b}', '\u{200b}', '\u{200f}', '\u{2066}', '\u{feff}', '\u{e0041}'] {
            let escape = hidden.escape_unicode().to_string();
            assert_eq!(escaped(&format!("a{hidden}b")), format!("a{escape}b"));
            assert_eq!(visible(&format!("a{hidden}b")), format!("a{escape}b"));
        }
        assert_eq!(escaped("größe « très\u{a0}» 平和\u{3000}√2"), "größe « très\u{a0}» 平和\u{3000}√2");
    }

    #[test]
    fn quoted_text_is_short_and_shows_hidden_characters() {
        assert_eq!(quoted("größe"), "`größe`");
        assert_eq!(quoted("us\u{a0}uk\u{3000}x"), "`us\\u{a0}uk\\u{3000}x`");
        assert!(quoted(&"x".repeat(1_000)).chars().count() < 70);
        assert_eq!(visible(&"x".repeat(60)), "x".repeat(60));
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        assert_eq!(nearest("europa", ["us", "europe"]), Some("europe"));
        assert_eq!(nearest("usa", ["us", "uk"]), Some("us"));
        assert_eq!(nearest("spain", ["us", "uk"]), None);
        assert_eq!(suggestion("uss", ["uk", "us"]).as_deref(), Some("did you mean `us`?"));
    }
}

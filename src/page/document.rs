//! Reads the folder of a run or of a sweep, and assembles the HTML file: the program, its style and the data, with a
//! content security policy that blocks everything else.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{PageError, data, limits};
use crate::store::{Manifest, PROGRAM, Verified, verify};
use crate::text::escaped;

/// The data read from a folder.
#[derive(Debug)]
pub struct Subject {
    pub(super) data: Value,
    pub(super) title: String,
    pub(super) text: String,
    verified: Option<Verified>,
}

/// Reads the folder of a run, a fork or a sweep. The folder of a run is verified by [`verify`].
///
/// # Errors
/// A [`PageError`] if the folder is not what the program wrote, or is larger than a page can show.
///
/// ```no_run
/// use backstop::page::{PageError, document, read};
///
/// fn page_of(folder: &std::path::Path) -> Result<String, PageError> {
///     document(&[read(folder)?])
/// }
/// ```
pub fn read(folder: &Path) -> Result<Subject, PageError> {
    let manifest = Manifest::read(folder).map_err(PageError::Run)?;
    if manifest.design.is_some() {
        let (data, title, text) = data::read_sweep(folder, &manifest)?;
        return Ok(Subject { data, title, text, verified: None });
    }
    let verified = verify(folder, &mut |_, _, _| {}).map_err(PageError::Run)?;
    let (data, text) = data::read_run(folder, &verified)?;
    let title = data::title(verified.course.first(), &manifest);
    Ok(Subject { data, title, text, verified: Some(verified) })
}

impl Subject {
    /// The run, if the folder is of a run.
    #[must_use]
    pub fn verified(&self) -> Option<&Verified> {
        self.verified.as_ref()
    }

    /// Replaces the short text that is shown without JavaScript. It is cut at [`limits::TEXT_BYTES`].
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        text[..text.floor_char_boundary(limits::TEXT_BYTES)].clone_into(&mut self.text);
        if self.text.len() < text.len() {
            self.text.push_str("\n… the rest is left out\n");
        }
        self
    }
}

/// The bundle of `page/` and its style sheet.
const PROGRAM_TEXT: &str = include_str!("../../page/dist/page.js");
const STYLE: &str = include_str!("../../page/dist/page.css");

/// Builds the page of a run or a sweep, or of two runs side by side.
///
/// # Errors
/// A [`PageError`] if two folders are given that are not of runs of the same actors and commitments.
///
/// # Panics
/// If there is no subject, or there are more than two.
pub fn document(subjects: &[Subject]) -> Result<String, PageError> {
    assert!((1..=2).contains(&subjects.len()), "a page is about one folder or two");
    if let [one, other] = subjects {
        match (one.verified(), other.verified()) {
            (Some(one), Some(other)) if is_alike(one, other) => {}
            (Some(_), Some(_)) => return Err(PageError::OtherScenario),
            _ => return Err(PageError::NotTwoRuns),
        }
    }
    let data = json!({
        "format": 1,
        "program": PROGRAM,
        "version": env!("CARGO_PKG_VERSION"),
        "subjects": subjects.iter().map(|subject| &subject.data).collect::<Vec<_>>(),
    });
    Ok(html(subjects, &data))
}

/// Whether two runs have the same actors and commitments.
fn is_alike(one: &Verified, other: &Verified) -> bool {
    let (one, other) = (one.course.last().0, other.course.last().0);
    let actors = |model: &crate::model::Model| model.actors.iter().map(|actor| actor.id.to_owned()).collect::<Vec<_>>();
    one.instances == other.instances && actors(one) == actors(other)
}

fn html(subjects: &[Subject], data: &Value) -> String {
    let title = subjects.iter().map(|subject| subject.title.as_str()).next().unwrap_or(PROGRAM);
    let mut texts = String::new();
    for subject in subjects {
        // Writing to a string cannot fail.
        let _ = writeln!(texts, "<pre class=\"plain\" tabindex=\"0\">{}</pre>", markup(&subject.text));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-{}'; \
         style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"generator\" content=\"{PROGRAM} {}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <main id=\"page\">\n<section id=\"text\">\n<h1>{}</h1>\n{texts}</section>\n</main>\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n<script>{PROGRAM_TEXT}</script>\n</body>\n</html>\n",
        source_hash(PROGRAM_TEXT),
        source_hash(STYLE),
        env!("CARGO_PKG_VERSION"),
        markup(&escaped(title)),
        markup(&escaped(title)),
        embedded(data),
    )
}

/// Escapes a text for HTML.
fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // HTML parsers report a parse error here and insert this character.
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// JSON for a `script` element. `<`, `>` and `&` occur only inside strings, where they are escaped, so no `</script>`
/// or `<!--` in a string can end the element.
fn embedded(data: &Value) -> String {
    let json = data.to_string();
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// The SHA-256 of a text in base64, as used in a content security policy.
fn source_hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in Sha256::digest(text.as_bytes()).chunks(3) {
        let bytes = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for place in 0..4_usize {
            let digit = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(DIGITS[digit as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_named_by_its_hash() {
        // `printf abc | openssl dgst -sha256 -binary | base64`
        assert_eq!(source_hash("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn nothing_in_the_data_ends_the_script() {
        let data = json!({ "</script><!--": "\u{2028}&<b>\"\\" });
        let text = embedded(&data);
        assert!(text.chars().all(|character| !matches!(character, '<' | '>' | '&' | '\u{2028}')), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), data);
    }

    /// The program is embedded in the same file.
    #[test]
    fn the_bundle_does_not_end_its_own_script() {
        let lower = PROGRAM_TEXT.to_ascii_lowercase();
        assert!(
            !lower.contains("</script") && !lower.contains("<!--") && !STYLE.to_ascii_lowercase().contains("</style")
        );
        assert!(!PROGRAM_TEXT.contains("eval(") && !PROGRAM_TEXT.contains("new Function"));
    }
}

//! The languages of texts that leave the server for people. Texts are made in English; the catalogue of the
//! page has them in the other language, so that both say the same: sentences with places for their values
//! (`{host} is {state}: {outcome}`), where a value may be a sentence or a word of a vocabulary itself.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// `en`
    #[default]
    English,
    /// `zh-CN`
    Chinese,
}

/// How often it is tried where a value ends, for one sentence and one text: a text may be anybody's.
const MAX_TRIES: u32 = 1_000;

/// What a word of the API is in the other language.
type Vocabulary = BTreeMap<Box<str>, Box<str>>;

/// Vocabularies of which a word may be the value of a sentence.
const WITHIN: [&str; 5] = ["outcome", "state", "cause", "family", "severity"];

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Its name (BCP 47).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    fn catalogue(self) -> Option<&'static Catalogue> {
        match self {
            Self::English => None,
            Self::Chinese => Some(&CHINESE),
        }
    }

    /// A sentence of the catalogue with its values, which stay as they are.
    #[must_use]
    pub fn say(self, sentence: &str, values: &[(&str, &str)]) -> String {
        let own = self.catalogue().and_then(|catalogue| catalogue.own(sentence));
        fill(own.unwrap_or(sentence), |name| {
            let value = values.iter().find(|(of, _)| *of == name);
            value.map_or(Cow::Borrowed(""), |(_, value)| Cow::Borrowed(value))
        })
    }

    /// A text that was made in English, with the values in it. What is in no sentence of the catalogue stays
    /// as it is.
    #[must_use]
    pub fn translate(self, text: &str) -> String {
        self.catalogue().map_or_else(|| text.to_owned(), |catalogue| catalogue.text(text))
    }

    /// A word of a vocabulary of the API, such as `firing` of `alarm_state`.
    #[must_use]
    pub fn word(self, vocabulary: &str, word: &str) -> String {
        let own = self.catalogue().and_then(|all| all.words.get(vocabulary)?.get(word));
        own.map_or(word, AsRef::as_ref).to_owned()
    }
}

/// The text with its places filled in.
fn fill<'a>(text: &str, value: impl Fn(&str) -> Cow<'a, str>) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len() + 64), text);
    while let Some((before, name, after)) = place(rest) {
        filled.push_str(before);
        filled.push_str(&value(name));
        rest = after;
    }
    filled + rest
}

/// The first place of a text: what is before it, its name, what is behind it.
fn place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, behind) = text.split_once('{')?;
    let (name, after) = behind.split_once('}')?;
    Some((before, name, after))
}

/// A sentence: what it says between its places, their names, and what it is in the other language.
struct Sentence {
    literals: Box<[Box<str>]>,
    names: Box<[Box<str>]>,
    own: Box<str>,
}

impl Sentence {
    fn new(english: &str, own: Box<str>) -> Self {
        let (mut literals, mut names, mut rest) = (Vec::new(), Vec::new(), english);
        while let Some((before, name, after)) = place(rest) {
            literals.push(before.into());
            names.push(name.into());
            rest = after;
        }
        literals.push(rest.into());
        Self { literals: literals.into(), names: names.into(), own }
    }

    /// How much it says itself: of two that fit, the one that says more is meant.
    fn weight(&self) -> usize {
        self.literals.iter().map(|text| text.len()).sum()
    }

    /// The values in a text that says this; each is as short as it can be.
    fn values<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let (first, literals) = self.literals.split_first()?;
        let rest = text.strip_prefix(first.as_ref())?;
        let (mut values, mut tries) = (Vec::with_capacity(literals.len()), MAX_TRIES);
        self.read(literals, rest, &mut values, &mut tries).then_some(values)
    }

    /// Reads the places before these literals, and nothing is left.
    fn read<'t>(
        &self,
        literals: &[Box<str>],
        text: &'t str,
        values: &mut Vec<&'t str>,
        tries: &mut u32,
    ) -> bool {
        let Some((literal, others)) = literals.split_first() else { return text.is_empty() };
        let Some(name) = self.names.get(values.len()) else { return false };
        let from = text.chars().next().map_or(0, char::len_utf8);
        let ends = text.match_indices(literal.as_ref()).map(|(at, _)| at);
        // The last place has all that its literal leaves.
        let last = others.is_empty().then(|| text.strip_suffix(literal.as_ref()));
        let last = last.map(|value| value.map(str::len));
        for end in ends.filter(|end| *end >= from && last.is_none_or(|last| last == Some(*end))) {
            *tries = tries.saturating_sub(1);
            let (value, after) = text.split_at(end);
            if *tries == 0 {
                return false;
            }
            if !may_be(name, value) {
                continue;
            }
            values.push(value);
            if self.read(others, after.get(literal.len()..).unwrap_or_default(), values, tries) {
                return true;
            }
            values.pop();
        }
        false
    }
}

/// Whether this may stand in a place of that name: in some there is one word, a
/// number, or the form of a verb.
fn may_be(name: &str, value: &str) -> bool {
    match name {
        "make" | "makes" => matches!(value, "make" | "makes"),
        "firing" | "over" => value.parse::<u64>().is_ok(),
        "host" | "name" | "other" | "state" | "family" | "service" | "interface" | "n" => {
            !value.is_empty() && !value.contains(char::is_whitespace)
        }
        _ => !value.is_empty(),
    }
}

/// All of one language.
struct Catalogue {
    /// Those that say most first.
    sentences: Vec<Sentence>,
    by_text: BTreeMap<Box<str>, Box<str>>,
    words: BTreeMap<Box<str>, Vocabulary>,
}

#[derive(Deserialize)]
struct File {
    sentences: BTreeMap<Box<str>, Box<str>>,
    words: BTreeMap<Box<str>, Vocabulary>,
}

/// Read when somebody first asks for it. A file that cannot be read, which a test rules out, has nothing.
static CHINESE: LazyLock<Catalogue> = LazyLock::new(|| {
    let text = include_str!("../page/zh-CN.json");
    let empty = || File { sentences: BTreeMap::new(), words: BTreeMap::new() };
    let file: File = serde_json::from_str(text).unwrap_or_else(|_| empty());
    let mut sentences: Vec<Sentence> =
        file.sentences.iter().map(|(english, own)| Sentence::new(english, own.clone())).collect();
    sentences.sort_by_key(|sentence| std::cmp::Reverse(sentence.weight()));
    Catalogue { sentences, by_text: file.sentences, words: file.words }
});

impl Catalogue {
    fn own(&self, sentence: &str) -> Option<&str> {
        self.by_text.get(sentence).map(AsRef::as_ref)
    }

    fn word(&self, text: &str) -> Option<&str> {
        WITHIN.iter().find_map(|kind| self.words.get(*kind)?.get(text)).map(AsRef::as_ref)
    }

    /// Of several sentences, each.
    fn text(&self, text: &str) -> String {
        let mut parts = Vec::new();
        let mut from = 0;
        for (at, _) in text.match_indices(". ") {
            if text[at + 2..].starts_with(|c: char| c.is_ascii_uppercase()) {
                parts.push(&text[from..=at]);
                from = at + 2;
            }
        }
        parts.push(&text[from..]);
        match parts.as_slice() {
            [one] => self.sentence(one).unwrap_or_else(|| self.parts(one)),
            _ => parts.iter().map(|part| self.text(part)).collect(),
        }
    }

    fn sentence(&self, text: &str) -> Option<String> {
        if let Some(word) = self.word(text) {
            return Some(word.to_owned());
        }
        let (sentence, values) =
            self.sentences.iter().find_map(|sentence| Some((sentence, sentence.values(text)?)))?;
        let own = fill(&sentence.own, |name| {
            let at = sentence.names.iter().position(|of| of.as_ref() == name);
            let value = at.and_then(|at| values.get(at)).copied().unwrap_or_default();
            Cow::Owned(self.text(value))
        });
        Some(without_gaps(&own))
    }

    /// Several flaws, or how a poll ended and why.
    fn parts(&self, text: &str) -> String {
        if text.contains("; ") {
            let flaws: Vec<String> = text.split("; ").map(|flaw| self.text(flaw)).collect();
            return flaws.join("；");
        }
        match text.split_once(": ").and_then(|(head, why)| Some((self.word(head)?, why))) {
            Some((head, why)) => format!("{head}：{}", self.text(why)),
            None => text.to_owned(),
        }
    }
}

/// Without the spaces that a value brought between two Chinese characters.
fn without_gaps(text: &str) -> String {
    let is_chinese = |c: &char| ('\u{4e00}'..='\u{9fff}').contains(c);
    let all: Vec<char> = text.chars().collect();
    let is_gap = |at: usize| {
        all.get(at) == Some(&' ')
            && at.checked_sub(1).and_then(|at| all.get(at)).is_some_and(is_chinese)
            && all.get(at + 1).is_some_and(is_chinese)
    };
    all.iter().enumerate().filter(|(at, _)| !is_gap(*at)).map(|(_, c)| c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chinese(text: &str) -> String {
        Language::Chinese.translate(text)
    }

    #[test]
    fn a_sentence_is_known_with_the_values_in_it_and_the_sentences_in_those() {
        for (english, own) in [
            ("it answers", "有应答"),
            ("web-1 is down: refused", "web-1 宕机：连接被拒绝"),
            (
                "a poll failed: refused: nothing listens on a:1",
                "一次轮询失败：连接被拒绝：a:1 无进程监听",
            ),
            (
                "suspect since X: the last poll failed; 2 more failed polls make it down, 2 good polls make \
                 it up.",
                "自 X 起可疑：最近一次轮询失败；再失败 2 次则为宕机，连续 2 次成功即恢复正常。",
            ),
            (
                "down since X: the last 3 polls failed; 2 good polls make it up. It is left alone until Y.",
                "自 X 起宕机：最近 3 次轮询均失败；连续 2 次成功即恢复正常。Y 前不再询问。",
            ),
            ("connected, but no answer within 1.50 s", "已连接，1.50 秒内无应答"),
            // What is in no sentence stays.
            ("No route to host (os error 113)", "No route to host (os error 113)"),
            ("10.0.0.1:1: cannot connect: No route", "10.0.0.1:1：无法连接：No route"),
            ("web-1: it is all over", "web-1: it is all over"),
            ("web: 12 over", "web：12 个恢复"),
            ("", ""),
        ] {
            assert_eq!(chinese(english), own, "{english}");
            assert_eq!(Language::English.translate(english), english);
        }
    }

    #[test]
    fn a_text_that_is_made_to_be_tried_for_ever_is_not() {
        let text = format!("suspect since {}", ": ; make it down, makes it".repeat(10_000));
        assert!(chinese(&text).starts_with("suspect since"));
    }

    #[test]
    fn every_sentence_of_the_catalogue_is_known_with_values_in_its_places() {
        assert!(CHINESE.by_text.len() > 150, "the catalogue is read");
        for (english, own) in &CHINESE.by_text {
            let value = |name: &str| match name {
                "make" | "makes" => Cow::Borrowed("makes"),
                "firing" | "over" => Cow::Borrowed("7"),
                name => Cow::Owned(format!("<{name}>")),
            };
            let (text, own) = (fill(english, value), fill(own, value));
            assert_eq!(chinese(&text), own, "{english}");
        }
    }

    #[test]
    fn a_sentence_is_said_with_its_values_as_they_are() {
        let values = [("n", "3")];
        assert_eq!(Language::English.say("{n} days", &values), "3 days");
        assert_eq!(Language::Chinese.say("{n} days", &values), "3 天");
        assert_eq!(
            Language::Chinese.say("nothing of the {kind}", &[("kind", "{n}")]),
            "nothing of the {n}"
        );
        assert_eq!(Language::Chinese.word("severity", "critical"), "严重");
        assert_eq!(Language::Chinese.word("severity", "x"), "x");
        assert_eq!(Language::English.word("severity", "critical"), "critical");
    }
}

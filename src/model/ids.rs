//! Indices into the tables of a [`Model`](super::Model), which the engine uses instead of names; and the names of what
//! there may be millions of, by index.

use std::hash::{DefaultHasher, Hasher as _};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in its table.
            #[inline]
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of the entry at `index`.
            ///
            /// # Panics
            /// If `index` does not fit 32 bits, which the limits on a scenario rule out.
            #[inline]
            #[must_use]
            pub fn at(index: usize) -> Self {
                Self(u32::try_from(index).expect("tables are limited to far less than 2^32 entries"))
            }
        }
    )*};
}

ids! {
    /// An actor, in declaration order (cohorts' members after the actors).
    ActorId;
    /// A set of actors: a declared group, a cohort, or one that an expression needs (everyone, one actor).
    GroupId;
    /// An issue that actors have stances on.
    IssueId;
    /// A named attribute of actors.
    AttributeId;
    /// A resource.
    ResourceId;
    /// A commitment as declared in the file.
    CommitmentId;
    /// One debtor's instance of a commitment.
    InstanceId;
    /// A meeting.
    MeetingId;
    /// A series of data over time.
    DataId;
    /// A shock.
    ShockId;
    /// A move.
    MoveId;
    /// An outcome.
    OutcomeId;
    /// A parameter.
    ParameterId;
    /// A resource and a group whose totals are maintained because an expression reads them.
    SlotId;
    /// A group and an issue whose mean stance an expression reads.
    MeanId;
    /// A draw made before step 0, in the order of the draws' paths.
    DrawId;
}

/// Many short texts in one allocation, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    all: String,
    /// Where each ends; it begins where the one before it ends.
    ends: Vec<u32>,
}

impl Texts {
    /// Adds a text.
    ///
    /// # Panics
    /// If all texts together have 4 GiB, which the limits on a scenario rule out.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.push_parts(&[text]);
    }

    /// Adds a text that is made of parts; panics as [`Self::push`].
    ///
    /// # Panics
    /// As [`Self::push`].
    pub fn push_parts(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.all.push_str(part));
        self.ends.push(u32::try_from(self.all.len()).expect("names are limited to less than 4 GiB"));
    }

    /// Reserves memory for further texts of this length in all.
    pub fn reserve(&mut self, texts: usize, length: usize) {
        self.ends.reserve(texts);
        self.all.reserve(length);
    }

    /// The text of a number.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    #[must_use]
    pub fn text(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.all[start as usize..self.ends[at] as usize]
    }

    /// The number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.text(at))
    }
}

impl<T: AsRef<str>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut texts = Self::default();
        iter.into_iter().for_each(|text| texts.push(text.as_ref()));
        texts
    }
}

/// Finds a text in [`Texts`]. Each text is the name of one thing, so of equal ones only the first is entered.
#[derive(Clone, Debug, Default)]
pub struct TextIndex {
    /// A table with open addressing, at most half full. Its order is never seen.
    places: Vec<Place>,
    count: usize,
}

/// A place in the table: the number of a text, or [`Place::FREE`], and the hash of the text, so that another text is
/// seldom looked at, which would be far away in memory.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: u32,
    hash: u32,
}

impl Place {
    const FREE: Self = Self { number: u32::MAX, hash: 0 };

    fn is_free(self) -> bool {
        self.number == Self::FREE.number
    }
}

impl TextIndex {
    /// The index of all texts.
    #[must_use]
    pub fn of(texts: &Texts) -> Self {
        let mut index = Self::default();
        index.reserve(texts.len());
        for at in 0..texts.len() {
            let _first = index.enter(texts, at);
        }
        index
    }

    /// Makes room for so many more texts.
    pub fn reserve(&mut self, more: usize) {
        let wanted = (2 * (self.count + more)).next_power_of_two().max(16);
        if wanted > self.places.len() {
            let old = std::mem::replace(&mut self.places, vec![Place::FREE; wanted]);
            for entered in old.into_iter().filter(|place| !place.is_free()) {
                // No two texts are equal, so there is a free place for each.
                if let Err(free) = self.search(entered.hash, |_| false) {
                    self.places[free] = entered;
                }
            }
        }
    }

    /// Enters the text of a number.
    ///
    /// # Errors
    /// The number of an equal text that was entered before, which stays.
    ///
    /// # Panics
    /// If there is no such text.
    pub fn enter(&mut self, texts: &Texts, at: usize) -> Result<(), usize> {
        if 2 * (self.count + 1) > self.places.len() {
            self.reserve(self.count + 1);
        }
        let text = texts.text(at);
        let hash = hash(text);
        match self.search(hash, |entered| texts.text(entered) == text) {
            Ok(first) => Err(first),
            Err(free) => {
                let number = u32::try_from(at).expect("texts are limited to less than 2^32");
                self.places[free] = Place { number, hash };
                self.count += 1;
                Ok(())
            }
        }
    }

    /// The number of a text, if it was entered.
    #[must_use]
    pub fn find(&self, texts: &Texts, text: &str) -> Option<usize> {
        self.search(hash(text), |entered| texts.text(entered) == text).ok()
    }

    /// For each text what [`TextIndex::find`] finds, or the number of another text; looked up without the texts.
    pub fn guesses<T: AsRef<str>>(&self, texts: impl Iterator<Item = T>) -> Vec<Option<usize>> {
        let hashes = self.touch(texts);
        hashes.into_iter().map(|hash| self.search(hash, |_| true).ok()).collect()
    }

    /// Reads the places of some texts that are about to be entered or found, and returns their hashes. The reads are by
    /// themselves, so that the processor waits for the memory of many at once and not for one after the other.
    pub fn touch<T: AsRef<str>>(&self, texts: impl Iterator<Item = T>) -> Vec<u32> {
        let mask = self.places.len().saturating_sub(1);
        let hashes: Vec<u32> = texts.map(|text| hash(text.as_ref())).collect();
        let place = |&hash: &u32| self.places.get(hash as usize & mask).map_or(0, |place| place.hash);
        std::hint::black_box(hashes.iter().map(place).fold(0, |all, hash| all ^ hash));
        hashes
    }

    /// The number of an entered text with this hash that is the one; or the place where it can be entered.
    fn search(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Result<usize, usize> {
        let Some(mask) = self.places.len().checked_sub(1) else { return Err(0) };
        let mut at = hash as usize & mask;
        loop {
            let place = self.places[at];
            if place.is_free() {
                return Err(at);
            }
            if place.hash == hash && is_it(place.number as usize) {
                return Ok(place.number as usize);
            }
            at = (at + 1) & mask;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
fn hash(text: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish() as u32
}

/// The actors of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actors {
    ids: Texts,
    /// Those with a name, and their names.
    named: Vec<ActorId>,
    names: Texts,
}

/// An actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its name, for people.
    pub name: Option<&'a str>,
}

impl From<Texts> for Actors {
    /// Actors without names.
    fn from(ids: Texts) -> Self {
        Self { ids, ..Self::default() }
    }
}

impl Actors {
    /// Adds an actor.
    ///
    /// # Panics
    /// As [`Texts::push`].
    pub fn push(&mut self, actor: Actor<'_>) {
        if let Some(name) = actor.name {
            self.named.push(ActorId::at(self.ids.len()));
            self.names.push(name);
        }
        self.ids.push(actor.id);
    }

    /// The id of an actor.
    ///
    /// # Panics
    /// If there is no such actor.
    #[inline]
    #[must_use]
    pub fn id(&self, actor: ActorId) -> &str {
        self.ids.text(actor.index())
    }

    /// The name of an actor, for people.
    #[must_use]
    pub fn name(&self, actor: ActorId) -> Option<&str> {
        self.named.binary_search(&actor).ok().map(|at| self.names.text(at))
    }

    /// The ids, by number.
    #[must_use]
    pub fn ids(&self) -> &Texts {
        &self.ids
    }

    /// The number of actors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The actors in order.
    pub fn iter(&self) -> impl Iterator<Item = Actor<'_>> {
        (0..self.len()).map(ActorId::at).map(|actor| Actor { id: self.id(actor), name: self.name(actor) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_found_where_it_stands_first(list in prop::collection::vec("[ab]{0,5}", 0..200), other in "[abc]{0,5}") {
            let (mut texts, mut index) = (Texts::default(), TextIndex::default());
            for text in &list {
                texts.push(text);
                let first = list.iter().position(|one| one == text).filter(|&at| at < texts.len() - 1);
                prop_assert_eq!(index.enter(&texts, texts.len() - 1).err(), first);
            }
            prop_assert_eq!(texts.iter().collect::<Vec<_>>(), list.iter().collect::<Vec<_>>());
            for text in list.iter().chain([&other]) {
                prop_assert_eq!(index.find(&texts, text), list.iter().position(|one| one == text));
                prop_assert!(index.find(&texts, text).is_none() || index.guesses([text].into_iter())[0].is_some());
            }
        }
    }
}

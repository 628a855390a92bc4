//! Indices into the tables of a [`Model`](super::Model), which the engine uses instead of names; and the names of what
//! there may be millions of, by index.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::quality::RandomState;

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

    /// Removes the last text, if there is one.
    pub fn pop(&mut self) {
        self.ends.pop();
        self.all.truncate(self.ends.last().map_or(0, |&end| end as usize));
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

    /// Reads the ends of some texts, so that they are in the cache: the processor waits for all of them at once.
    pub fn touch(&self, numbers: impl Iterator<Item = usize> + Clone) {
        let end = |at: usize| self.ends.get(at).copied().unwrap_or(0);
        std::hint::black_box(numbers.clone().fold(0, |all, at| all ^ end(at)));
        let last = |at: usize| self.all.as_bytes().get(end(at).saturating_sub(1) as usize).copied().unwrap_or(0);
        std::hint::black_box(numbers.fold(0, |all, at| all ^ last(at)));
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
    /// Its keys are others in every index: texts that fall into one place here do not elsewhere, so no file can be written
    /// that makes looking them up slow.
    hasher: RandomState,
}

/// A place in the table: the number of a text and 8 bits of its hash, so that another text is seldom looked at, which
/// would be far away in memory. As there may be millions, both are in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const FREE: Self = Self(u32::MAX);
    const NUMBER: u32 = u32::MAX >> 8;

    /// Panics if there are 2^24 texts, which the limits on actors and instances rule out.
    fn new(at: usize, hash: u64) -> Self {
        let number = u32::try_from(at).ok().filter(|&number| number < Self::NUMBER);
        Self(number.expect("texts are limited to less than 2^24") | Self::tag(hash))
    }

    fn number(self) -> usize {
        (self.0 & Self::NUMBER) as usize
    }

    /// The highest bits of a hash; the lowest ones choose the place.
    fn tag(hash: u64) -> u32 {
        (hash >> 32) as u32 & !Self::NUMBER
    }
}

impl TextIndex {
    /// The index of all texts.
    #[must_use]
    pub fn of(texts: &Texts) -> Self {
        let mut index = Self::default();
        index.reserve(texts, texts.len());
        for at in 0..texts.len() {
            let _first = index.enter(texts, at);
        }
        index
    }

    /// Makes room for so many more of these texts.
    pub fn reserve(&mut self, texts: &Texts, more: usize) {
        let wanted = (2 * (self.count + more)).next_power_of_two().max(16);
        if wanted > self.places.len() {
            let old = std::mem::replace(&mut self.places, vec![Place::FREE; wanted]);
            for entered in old.into_iter().filter(|&place| place != Place::FREE) {
                // No two texts are equal, so there is a free place for each.
                if let Err(free) = self.search(self.hasher.hash_one(texts.text(entered.number())), |_| false) {
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
        self.enter_hashed(texts, at, self.hasher.hash_one(texts.text(at)))
    }

    /// As [`Self::enter`], given the hash of the text from [`Self::touch`].
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn enter_hashed(&mut self, texts: &Texts, at: usize, hash: u64) -> Result<(), usize> {
        if 2 * (self.count + 1) > self.places.len() {
            self.reserve(texts, self.count + 1);
        }
        let text = texts.text(at);
        match self.search(hash, |entered| texts.text(entered) == text) {
            Ok(first) => Err(first),
            Err(free) => {
                self.places[free] = Place::new(at, hash);
                self.count += 1;
                Ok(())
            }
        }
    }

    /// The number of a text, if it was entered.
    #[must_use]
    pub fn find(&self, texts: &Texts, text: &str) -> Option<usize> {
        self.search(self.hasher.hash_one(text), |entered| texts.text(entered) == text).ok()
    }

    /// For each text what [`TextIndex::find`] finds, or the number of another text; looked up without the texts.
    pub fn guesses<T: AsRef<str>>(&self, texts: impl Iterator<Item = T>) -> Vec<Option<usize>> {
        let mut hashes = Vec::new();
        self.touch(texts, &mut hashes);
        hashes.into_iter().map(|hash| self.search(hash, |_| true).ok()).collect()
    }

    /// Reads the places of some texts that are about to be entered or found, and stores their hashes. The reads are by
    /// themselves, so that the processor waits for the memory of many at once and not for one after the other.
    pub fn touch<T: AsRef<str>>(&self, texts: impl Iterator<Item = T>, hashes: &mut Vec<u64>) {
        let mask = self.places.len().saturating_sub(1);
        hashes.clear();
        hashes.extend(texts.map(|text| self.hasher.hash_one(text.as_ref())));
        let place = |&hash: &u64| self.places.get(start(hash) & mask).map_or(0, |place| place.0);
        std::hint::black_box(hashes.iter().map(place).fold(0, |all, place| all ^ place));
    }

    /// The number of an entered text with this hash that is the one; or the place where it can be entered.
    fn search(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Result<usize, usize> {
        let Some(mask) = self.places.len().checked_sub(1) else { return Err(0) };
        let mut at = start(hash) & mask;
        loop {
            let place = self.places[at];
            if place == Place::FREE {
                return Err(at);
            }
            if place.0 & !Place::NUMBER == Place::tag(hash) && is_it(place.number()) {
                return Ok(place.number());
            }
            at = (at + 1) & mask;
        }
    }
}

/// Where to look for a text first, in a table of any size.
#[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
fn start(hash: u64) -> usize {
    hash as usize
}

/// The actors of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actors {
    /// Shared with what else refers to actors by id, as there may be millions.
    ids: Arc<Texts>,
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
        Self::from(Arc::new(ids))
    }
}

impl From<Arc<Texts>> for Actors {
    /// Actors without names.
    fn from(ids: Arc<Texts>) -> Self {
        Self { ids, ..Self::default() }
    }
}

impl Actors {
    /// Gives an actor a name. Those before it have theirs already.
    pub fn set_name(&mut self, actor: ActorId, name: &str) {
        debug_assert!(self.named.last().is_none_or(|&last| last < actor));
        self.named.push(actor);
        self.names.push(name);
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
        fn a_text_is_found_where_it_stands_first(list in prop::collection::vec("([ab]{13}|[ab]{30})?[ab]{0,5}", 0..200), other in "[abc]{0,5}") {
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

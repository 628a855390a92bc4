//! Typed columnar tables in memory, the source for formats other than CSV.

use std::collections::BTreeMap;
use std::io;

use super::{Cell, Column, Kind, Put, Row, Sink};

/// A table in memory.
#[derive(Clone, Debug)]
pub struct Columns {
    header: Vec<Column>,
    values: Vec<Values>,
    rows: usize,
}

/// The values of a column. `valid` tells which are present; absent ones have arbitrary data.
#[derive(Clone, Debug)]
pub struct Values {
    /// The data.
    pub data: Data,
    /// Whether each value is present.
    pub valid: Vec<bool>,
}

/// The values of a column.
#[derive(Clone, Debug)]
pub enum Data {
    /// Values of [`Kind::Whole`].
    Whole(Vec<i64>),
    /// Values of [`Kind::Seed`].
    Seed(Vec<u64>),
    /// Values of [`Kind::Real`].
    Real(Vec<f64>),
    /// Values of [`Kind::Text`], [`Kind::Id`] and [`Kind::Set`].
    Text(Dictionary),
    /// Values of [`Kind::Date`] and [`Kind::DateTime`]: milliseconds since 1970-01-01T00:00:00.
    DateTime(Vec<i64>),
    /// Values of [`Kind::Hash`].
    Hash(Vec<u64>),
    /// Values of [`Kind::Truth`].
    Truth(Vec<bool>),
}

/// Dictionary-encoded texts, in the order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    /// The distinct texts.
    pub texts: Vec<String>,
    /// The index of the text in each row.
    pub keys: Vec<i32>,
    index: BTreeMap<String, i32>,
}

impl Dictionary {
    fn key(&mut self, text: &str) -> io::Result<i32> {
        if let Some(&key) = self.keys.last()
            && self.texts.get(usize::try_from(key).unwrap_or(usize::MAX)).is_some_and(|last| last == text)
        {
            return Ok(key);
        }
        if let Some(&key) = self.index.get(text) {
            return Ok(key);
        }
        let key = i32::try_from(self.texts.len()).map_err(|_| wrong("too many different texts in a column"))?;
        self.texts.push(text.to_owned());
        self.index.insert(text.to_owned(), key);
        Ok(key)
    }
}

fn wrong(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

impl Values {
    fn new(kind: Kind) -> Self {
        let data = match kind {
            Kind::Whole => Data::Whole(Vec::new()),
            Kind::Seed => Data::Seed(Vec::new()),
            Kind::Real => Data::Real(Vec::new()),
            Kind::Text | Kind::Id | Kind::Set => Data::Text(Dictionary::default()),
            Kind::Date | Kind::DateTime => Data::DateTime(Vec::new()),
            Kind::Hash => Data::Hash(Vec::new()),
            Kind::Truth => Data::Truth(Vec::new()),
        };
        Self { data, valid: Vec::new() }
    }

    fn push(&mut self, cell: &Cell<'_>) -> io::Result<()> {
        let is_there = !matches!(cell, Cell::Empty);
        let other = || wrong(format!("{cell:?} does not have the type of its column"));
        match (&mut self.data, cell) {
            (Data::Whole(all) | Data::DateTime(all), Cell::Empty) => all.push(0),
            (Data::Whole(all), Cell::Whole(value)) => all.push(i64::try_from(*value).map_err(|_| other())?),
            (Data::Seed(all) | Data::Hash(all), Cell::Empty) => all.push(0),
            (Data::Seed(all), Cell::Whole(value)) | (Data::Hash(all), Cell::Hash(value)) => all.push(*value),
            (Data::Real(all), Cell::Empty) => all.push(0.0),
            (Data::Real(all), Cell::Real(value)) => all.push(*value),
            (Data::Truth(all), Cell::Empty) => all.push(false),
            (Data::Truth(all), Cell::Truth(value)) => all.push(*value),
            // A parameter that is set to `true` or `false` is stored as text in a column of mixed values.
            (Data::Truth(all), Cell::Text(text)) => all.push(text.parse().map_err(|_| other())?),
            (Data::DateTime(all), Cell::Text(text)) => all.push(moment(text).ok_or_else(other)?),
            (Data::Text(dictionary), Cell::Empty) => dictionary.keys.push(0),
            (Data::Text(dictionary), Cell::Text(text)) => {
                let place = dictionary.key(text)?;
                dictionary.keys.push(place);
            }
            // A parameter may be a number at one point and a date at another.
            (Data::Text(dictionary), Cell::Real(value)) => {
                let place = dictionary.key(zmij::Buffer::new().format(*value))?;
                dictionary.keys.push(place);
            }
            _ => return Err(other()),
        }
        self.valid.push(is_there);
        Ok(())
    }

    fn reserve(&mut self, rows: usize) {
        let reserved = match &mut self.data {
            Data::Whole(all) | Data::DateTime(all) => all.try_reserve_exact(rows),
            Data::Seed(all) | Data::Hash(all) => all.try_reserve_exact(rows),
            Data::Real(all) => all.try_reserve_exact(rows),
            Data::Truth(all) => all.try_reserve_exact(rows),
            Data::Text(dictionary) => dictionary.keys.try_reserve_exact(rows),
        };
        // Reserving is an optimisation only; the vectors can still grow later.
        let _ = reserved.and_then(|()| self.valid.try_reserve_exact(rows));
    }

    fn append(&mut self, other: Self) -> io::Result<()> {
        match (&mut self.data, other.data) {
            (Data::Whole(all), Data::Whole(more)) | (Data::DateTime(all), Data::DateTime(more)) => all.extend(more),
            (Data::Seed(all), Data::Seed(more)) | (Data::Hash(all), Data::Hash(more)) => all.extend(more),
            (Data::Real(all), Data::Real(more)) => all.extend(more),
            (Data::Truth(all), Data::Truth(more)) => all.extend(more),
            (Data::Text(all), Data::Text(more)) => {
                let places = more.texts.iter().map(|word| all.key(word)).collect::<io::Result<Vec<i32>>>()?;
                // A missing value has the key 0, even if there are no texts.
                let place = |key: i32| usize::try_from(key).ok().and_then(|key| places.get(key)).copied().unwrap_or(0);
                all.keys.extend(more.keys.into_iter().map(place));
            }
            _ => return Err(wrong("tables of different columns")),
        }
        self.valid.extend(other.valid);
        Ok(())
    }
}

/// Whether a date is written without a time of day.
fn is_day(text: &str) -> bool {
    text.len() == "YYYY-MM-DD".len()
}

/// Parses a date or a time of a table to milliseconds since the beginning of 1970.
fn moment(text: &str) -> Option<i64> {
    let moment = if is_day(text) {
        text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)
    } else {
        text.parse::<jiff::civil::DateTime>().ok()?
    };
    let since = moment.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
    since.as_secs().checked_mul(1_000)
}

impl Columns {
    /// Creates a table without rows. A column of [`Kind::Set`] is stored as text; see [`Columns::kind_of`].
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        let values = columns.iter().map(|column| Values::new(column.kind)).collect();
        Self { header: columns.to_vec(), values, rows: 0 }
    }

    /// The kind of a column of [`Kind::Set`] once all its values are known: that of its values if they are all numbers,
    /// all dates or all logical, and text otherwise.
    #[must_use]
    pub fn kind_of<'c>(mut cells: impl Iterator<Item = Cell<'c>>) -> Kind {
        let kind = |cell: &Cell<'_>| match cell {
            Cell::Real(_) => Kind::Real,
            Cell::Text(text) if text == "true" || text == "false" => Kind::Truth,
            Cell::Text(text) if moment(text).is_some() => {
                if is_day(text) {
                    Kind::Date
                } else {
                    Kind::DateTime
                }
            }
            Cell::Empty | Cell::Whole(_) | Cell::Text(_) | Cell::Hash(_) | Cell::Truth(_) => Kind::Text,
        };
        let first = cells.next().map_or(Kind::Real, |cell| kind(&cell));
        let is_dated = |kind: Kind| matches!(kind, Kind::Date | Kind::DateTime);
        cells.map(|cell| kind(&cell)).fold(first, |all, kind| match kind {
            kind if kind == all => all,
            kind if is_dated(kind) && is_dated(all) => Kind::DateTime,
            _ => Kind::Text,
        })
    }

    /// Appends the rows of another table with the same columns.
    ///
    /// # Errors
    /// `InvalidData` if the columns differ.
    pub fn append(&mut self, other: Self) -> io::Result<()> {
        self.rows += other.rows;
        self.values.iter_mut().zip(other.values).try_for_each(|(all, more)| all.append(more))
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.header
    }

    /// The values of each column.
    #[must_use]
    pub fn values(&self) -> &[Values] {
        &self.values
    }

    /// The columns with their values.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Column>, Vec<Values>) {
        (self.header, self.values)
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Reserves memory for `rows` more rows, so that a table whose length is known does not grow by copying. A failed
    /// allocation is ignored: the vectors then grow as rows are added.
    pub fn reserve(&mut self, rows: usize) {
        self.values.iter_mut().for_each(|values| values.reserve(rows));
    }

    /// The approximate size of the values in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.rows * 9 * self.header.len()
    }
}

impl Sink for Columns {
    fn row<'c>(&mut self, cells: impl Row<'c>) -> io::Result<()> {
        struct Taken<'v>(std::slice::IterMut<'v, Values>, io::Result<()>);
        impl<'c> Put<'c> for Taken<'_> {
            #[inline]
            fn put(&mut self, cell: Cell<'c>) {
                if let (Some(values), Ok(())) = (self.0.next(), &self.1) {
                    self.1 = values.push(&cell);
                }
            }
        }
        let mut taken = Taken(self.values.iter_mut(), Ok(()));
        cells.each(&mut taken);
        taken.1?;
        self.rows += 1;
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{columns, rows};
    use super::super::{Csv, read_csv};
    use super::*;

    /// Rows written as CSV and read back give the same table as rows added directly.
    #[test]
    fn rows_and_their_csv_give_one_table() {
        let mut direct = Columns::new(&columns());
        rows(&mut direct).unwrap();
        let text = Csv::table(&columns(), |sink| rows(sink)).unwrap();
        let mut read = Columns::new(&columns());
        read_csv(&*text, &columns(), &mut read).unwrap();
        assert_eq!(format!("{:?}", direct.values()), format!("{:?}", read.values()));
        // 2024-02-29 comes 54 years, 13 leap days and 59 days after 1970-01-01.
        for (at, expected) in [(2, [-86_400_000, 0, (54 * 365 + 13 + 59) * 86_400_000]), (3, [-1_000, 0, 1_000])] {
            let Data::DateTime(moments) = &direct.values()[at].data else { panic!("dates are moments") };
            assert_eq!(moments, &expected);
            assert_eq!(direct.values()[at].valid, [true, false, true]);
        }
    }

    /// A column of dates may contain times too, if the steps of a run begin at a time of day.
    #[test]
    fn dates_and_moments_share_a_column() {
        let mut columns = Columns::new(&[Column { name: "date".into(), kind: Kind::Date }]);
        ["1970-01-02", "1969-12-31T23:59:59"].iter().for_each(|&date| columns.row([Cell::from(date)]).unwrap());
        let Data::DateTime(moments) = &columns.values()[0].data else { panic!("dates are moments") };
        assert_eq!(moments, &[86_400_000, -1_000]);
    }

    #[test]
    fn appended_tables_share_their_dictionary() {
        let columns = [Column { name: "event".into(), kind: Kind::Text }];
        let mut all = Columns::new(&columns);
        for words in [["a", "b"], ["", "c"], ["b", "a"]] {
            let mut more = Columns::new(&columns);
            words.iter().for_each(|&word| more.row([Cell::from(word)]).unwrap());
            all.append(more).unwrap();
        }
        let Data::Text(dictionary) = &all.values()[0].data else { panic!("texts are dictionary-encoded") };
        assert_eq!(dictionary.texts, ["a", "b", "c"]);
        assert_eq!((&dictionary.keys[..2], &dictionary.keys[3..]), (&[0, 1][..], &[2, 1, 0][..]));
        assert_eq!((all.rows(), &all.values()[0].valid), (6, &vec![true, true, false, true, true, true]));
    }

    #[test]
    fn set_columns_have_the_common_kind_of_their_values() {
        let kind = |texts: &[&'static str]| Columns::kind_of(texts.iter().map(|&text| Cell::from(text)));
        assert_eq!(Columns::kind_of([Cell::Real(1.0), Cell::Real(2.0)].into_iter()), Kind::Real);
        assert_eq!(kind(&["2025-03-10", "2025-03-11"]), Kind::Date);
        assert_eq!(kind(&["2025-03-10", "2025-03-10T18:00"]), Kind::DateTime);
        assert_eq!(kind(&["true", "false"]), Kind::Truth);
        assert_eq!(Columns::kind_of([Cell::Real(1.0), "2025-03-10".into()].into_iter()), Kind::Text);
    }
}

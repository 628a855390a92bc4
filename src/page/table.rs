//! A CSV table as JSON, column by column, with every cell as it is written.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A table, of which the first rows are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    columns: Vec<Column>,
    /// Rows that are shown.
    shown: usize,
    /// Rows that there are.
    rows: usize,
}

/// The cells of a column: each text once, in the order of first appearance, and which of them stands in each row.
#[derive(Clone, Debug, Default)]
struct Column {
    name: String,
    words: Vec<String>,
    places: BTreeMap<String, usize>,
    rows: Vec<usize>,
}

impl Column {
    fn push(&mut self, cell: &str) {
        let next = self.words.len();
        let at = *self.places.entry(cell.to_owned()).or_insert(next);
        if at == next {
            self.words.push(cell.to_owned());
        }
        self.rows.push(at);
    }

    /// Without `rows` where every row has a text of its own.
    fn value(&self) -> Value {
        if self.words.len() == self.rows.len() {
            return json!({ "name": self.name, "words": self.words });
        }
        json!({ "name": self.name, "words": self.words, "rows": self.rows })
    }
}

impl Table {
    /// Reads a CSV file with a header row.
    ///
    /// # Errors
    /// Where it is not CSV, or a row has another number of cells than the header.
    pub(super) fn read(bytes: &[u8], most: usize) -> Result<Self, csv::Error> {
        let mut reader = csv::Reader::from_reader(bytes);
        let column = |name: &str| Column { name: name.into(), ..Column::default() };
        let columns = reader.headers()?.iter().map(column).collect();
        let mut table = Self { columns, ..Self::default() };
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record)? {
            table.rows += 1;
            if table.shown < most {
                table.shown += 1;
                table.columns.iter_mut().zip(&record).for_each(|(column, cell)| column.push(cell));
            }
        }
        Ok(table)
    }

    /// Its JSON.
    pub(super) fn value(&self) -> Value {
        let columns: Vec<Value> = self.columns.iter().map(Column::value).collect();
        json!({ "rows": self.rows, "shown": self.shown, "columns": columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_kept_as_it_is_written() {
        let table = Table::read(b"a,b\n1e300,x\n0.10,x\n\"q,\",y\n", 2).unwrap();
        let columns = json!([
            { "name": "a", "words": ["1e300", "0.10"] },
            { "name": "b", "words": ["x"], "rows": [0, 0] },
        ]);
        assert_eq!(table.value(), json!({ "rows": 3, "shown": 2, "columns": columns }));
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        assert!(Table::read(b"a,b\n1\n", 2).is_err());
    }
}

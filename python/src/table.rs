//! Tables as Arrow arrays, handed over in capsules of Python.

use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    RecordBatchIterator, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{Field, Schema};
use backstop::table::{Cell, Column, Columns, Csv, Data, Kind, Values, read_csv};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyList};

/// A table.
#[pyclass(frozen, module = "backstop._core")]
#[derive(Clone)]
pub(crate) struct Table {
    /// Name and kind of each column, and the values, which are shared with whoever was handed the table.
    columns: Arc<[Column]>,
    batch: RecordBatch,
}

/// The kinds by the names that a pickled table has.
const KINDS: [(&str, Kind); 10] = [
    ("whole", Kind::Whole),
    ("seed", Kind::Seed),
    ("real", Kind::Real),
    ("text", Kind::Text),
    ("id", Kind::Id),
    ("date", Kind::Date),
    ("moment", Kind::DateTime),
    ("hash", Kind::Hash),
    ("truth", Kind::Truth),
    ("set", Kind::Set),
];

fn array(Values { data, valid }: Values) -> PyResult<ArrayRef> {
    let nulls = Some(NullBuffer::new(BooleanBuffer::from(valid))).filter(|nulls| nulls.null_count() > 0);
    Ok(match data {
        Data::Whole(all) => Arc::new(Int64Array::new(all.into(), nulls)),
        Data::Seed(all) => Arc::new(UInt64Array::new(all.into(), nulls)),
        Data::Real(all) => Arc::new(Float64Array::new(all.into(), nulls)),
        Data::DateTime(all) => Arc::new(TimestampMillisecondArray::new(all.into(), nulls)),
        Data::Truth(all) => Arc::new(BooleanArray::new(all.into(), nulls)),
        Data::Hash(all) => Arc::new(StringArray::from_iter_values(all.iter().map(|bits| format!("h{bits:016x}")))),
        Data::Text(dictionary) => {
            let keys = Int32Array::new(dictionary.keys.into(), nulls);
            let values = Arc::new(StringArray::from_iter_values(&dictionary.texts));
            let array = DictionaryArray::<Int32Type>::try_new(keys, values);
            Arc::new(array.map_err(|error| PyValueError::new_err(error.to_string()))?)
        }
    })
}

impl Table {
    /// A table that was filled; its values move over without a copy.
    pub(crate) fn new(columns: Columns) -> PyResult<Self> {
        let (columns, values) = columns.into_parts();
        let arrays = values.into_iter().map(array).collect::<PyResult<Vec<ArrayRef>>>()?;
        let field = |(column, array): (&Column, &ArrayRef)| Field::new(&column.name, array.data_type().clone(), true);
        let schema = Schema::new(columns.iter().zip(&arrays).map(field).collect::<Vec<_>>());
        let batch = RecordBatch::try_new(Arc::new(schema), arrays);
        let batch = batch.map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { columns: columns.into(), batch })
    }

    /// A table as it is read from CSV.
    pub(crate) fn read(columns: &[Column], csv: &[u8]) -> PyResult<Self> {
        let mut table = Columns::new(columns);
        read_csv(csv, columns, &mut table).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Self::new(table)
    }

    /// The value of a cell.
    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        let array = self.batch.column(column);
        if array.is_null(row) {
            return Cell::Empty;
        }
        let any = array.as_any();
        if let Some(all) = any.downcast_ref::<Int64Array>() {
            return Cell::Whole(all.value(row).unsigned_abs());
        }
        if let Some(all) = any.downcast_ref::<UInt64Array>() {
            return Cell::Whole(all.value(row));
        }
        if let Some(all) = any.downcast_ref::<Float64Array>() {
            return Cell::Real(all.value(row));
        }
        if let Some(all) = any.downcast_ref::<BooleanArray>() {
            return Cell::Truth(all.value(row));
        }
        if let Some(all) = any.downcast_ref::<TimestampMillisecondArray>() {
            let moment = all.value_as_datetime(row).map(|moment| moment.format("%Y-%m-%dT%H:%M:%S").to_string());
            return moment.map_or(Cell::Empty, Cell::from);
        }
        if let Some(all) = any.downcast_ref::<StringArray>() {
            return all.value(row).into();
        }
        let words = any.downcast_ref::<DictionaryArray<Int32Type>>();
        let word = words.and_then(|words| {
            let key = words.key(row)?;
            Some(words.values().as_any().downcast_ref::<StringArray>()?.value(key))
        });
        word.map_or(Cell::Empty, Cell::from)
    }

    fn csv(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        Csv::header(&mut bytes, &self.columns);
        for row in 0..self.batch.num_rows() {
            for column in 0..self.columns.len() {
                if column > 0 {
                    bytes.push(b',');
                }
                Csv::push(&mut bytes, &self.cell(row, column));
            }
            bytes.push(b'\n');
        }
        bytes
    }
}

#[pymethods]
impl Table {
    /// The names of the columns, in order.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The kind of each column.
    #[getter]
    fn kinds(&self) -> Vec<&'static str> {
        let name = |kind: Kind| KINDS.iter().find(|(_, own)| *own == kind).map_or("text", |(name, _)| name);
        self.columns.iter().map(|column| name(column.kind)).collect()
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    /// The values of a column from a row on, at most so many.
    #[pyo3(signature = (name, start = 0, count = None))]
    fn values<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        start: usize,
        count: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let at = self.columns.iter().position(|column| column.name == name);
        let at = at.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        let is_date = matches!(self.batch.column(at).data_type(), arrow_schema::DataType::Timestamp(..));
        let parse = if is_date { Some(py.import("datetime")?.getattr("datetime")?) } else { None };
        let list = PyList::empty(py);
        let rows = self.batch.num_rows();
        let end = count.map_or(rows, |count| start.saturating_add(count).min(rows));
        for row in start..end {
            match (self.cell(row, at), &parse) {
                (Cell::Empty, _) => list.append(py.None())?,
                (Cell::Text(text), Some(parse)) => list.append(parse.call_method1("fromisoformat", (&*text,))?)?,
                (Cell::Text(text), None) => list.append(&*text)?,
                (Cell::Whole(value) | Cell::Hash(value), _) => list.append(value)?,
                (Cell::Real(value), _) => list.append(value)?,
                (Cell::Truth(value), _) => list.append(value)?,
            }
        }
        Ok(list)
    }

    /// The Arrow schema, in a capsule.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.batch.schema_ref().as_ref());
        let schema = schema.map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    /// The table as a stream of Arrow arrays, in a capsule. A schema that is asked for is not looked at, as the
    /// interface allows.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let reader = RecordBatchIterator::new([Ok(self.batch.clone())], self.batch.schema());
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }

    /// The state for pickling: names, kinds, and the rows as CSV.
    fn parts(&self) -> (Vec<&str>, Vec<&'static str>, Vec<u8>) {
        (self.column_names(), self.kinds(), self.csv())
    }

    /// The table of these parts.
    #[staticmethod]
    fn of_parts(names: Vec<String>, kinds: Vec<String>, csv: Vec<u8>) -> PyResult<Self> {
        let column = |(name, kind): (String, &String)| {
            let known = KINDS.iter().find(|(name, _)| name == kind);
            let (_, kind) = known.ok_or_else(|| PyValueError::new_err("there is no such kind of column"))?;
            Ok(Column { name, kind: *kind })
        };
        let columns = names.into_iter().zip(&kinds).map(column).collect::<PyResult<Vec<Column>>>()?;
        Self::read(&columns, &csv)
    }
}

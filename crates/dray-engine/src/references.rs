//! References: a cell names a record of another object by its id, a unique field or its name. Names
//! become ids here, a batch at a time; a name nobody has may make a new record.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array, StringArray};
use dray_model::definition::FieldKind;
use dray_model::flow::{CreatedRange, NewRecords};
use dray_model::object::{ColumnIndex, Object, SystemColumn, key_of};
use dray_model::problem::{Problem, ProblemCode, Severity, shown};
use dray_model::{Error, Result};

use crate::check::{CheckedBatch, Checker, sentence};
use crate::target::Target;

/// The most names remembered; beyond that the memory is begun anew.
const MOST_REMEMBERED: usize = 50_000;

/// Resolves the references of one import.
pub struct References {
    fields: Vec<ReferenceField>,
    create: bool,
    leave_empty: bool,
    remembered: HashMap<(usize, String), Resolution>,
}

struct ReferenceField {
    position: usize,
    name: String,
    header: Option<String>,
    target: Arc<Object>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    Record(i64),
    Ambiguous,
    Nobody,
}

impl References {
    /// The references among the mapped columns; `object_named` knows the objects.
    pub fn new(
        object: &Object,
        checker: &Checker,
        object_named: &dyn Fn(&str) -> Result<Object>,
    ) -> Result<Self> {
        let mut fields = Vec::new();
        for (position, &column) in checker.columns.iter().enumerate() {
            let Some(field) =
                object.field_of(column).filter(|field| field.definition.kind == FieldKind::Reference)
            else {
                continue;
            };
            let target = Arc::new(object_named(field.definition.target.as_deref().unwrap_or_default())?);
            if object.policy.create_references {
                can_be_created(&target)?;
            }
            let header = checker.header_of(column).map(str::to_owned);
            fields.push(ReferenceField { position, name: field.definition.name.clone(), header, target });
        }
        Ok(Self {
            fields,
            create: object.policy.create_references,
            leave_empty: object.policy.leave_references_empty,
            remembered: HashMap::new(),
        })
    }

    /// The objects referred to.
    pub fn targets(&self) -> impl Iterator<Item = &Object> {
        self.fields.iter().map(|field| field.target.as_ref())
    }

    /// Replaces the texts of reference columns by ids; returns the records made on the way.
    pub fn resolve(
        &mut self,
        batch: &mut CheckedBatch,
        target: &mut dyn Target,
        now: i64,
        import_id: Option<i64>,
    ) -> Result<Vec<CreatedRange>> {
        let mut created = Vec::new();
        for field in 0..self.fields.len() {
            if self.remembered.len() > MOST_REMEMBERED {
                self.remembered.clear();
            }
            let texts: ArrayRef = Arc::clone(&batch.values[self.fields[field].position]);
            let texts = texts.as_string::<i32>().clone();
            let mut unknown: Vec<&str> = Vec::new();
            for row in (0..texts.len()).filter(|&row| texts.is_valid(row) && !batch.rejected[row]) {
                let text = texts.value(row);
                self.remembered.entry((field, text.to_owned())).or_insert_with(|| {
                    unknown.push(text);
                    Resolution::Nobody
                });
            }
            self.look_up(field, &unknown, target)?;
            if self.create {
                created.extend(self.create_missing(field, &unknown, target, now, import_id)?);
            }
            self.replace(field, batch, &texts);
        }
        Ok(created)
    }

    fn look_up(&mut self, field: usize, texts: &[&str], target: &mut dyn Target) -> Result<()> {
        let object = Arc::clone(&self.fields[field].target);
        for column in object.lookup_columns() {
            let caseless = object.columns[column].caseless;
            let is_id = object.columns[column].system == Some(SystemColumn::Id);
            let mut by_key: HashMap<String, Vec<&str>> = HashMap::new();
            for &text in texts {
                let open = self.remembered.get(&(field, text.to_owned())) == Some(&Resolution::Nobody);
                if open && (!is_id || text.parse::<i64>().is_ok_and(|id| id.to_string() == text)) {
                    by_key.entry(key_of(caseless, text).into_owned()).or_default().push(text);
                }
            }
            if by_key.is_empty() {
                continue;
            }
            let keys: Vec<&str> = by_key.keys().map(String::as_str).collect();
            let found = target.find(&object, column, &keys, &[])?;
            for (row, &id) in found.ids.iter().enumerate() {
                for text in by_key.get(found.keys.value(row)).into_iter().flatten() {
                    let resolution =
                        self.remembered.entry((field, (*text).to_owned())).or_insert(Resolution::Nobody);
                    *resolution = match *resolution {
                        Resolution::Nobody => Resolution::Record(id),
                        Resolution::Record(other) if other == id => Resolution::Record(id),
                        _ => Resolution::Ambiguous,
                    };
                }
            }
        }
        Ok(())
    }

    fn create_missing(
        &mut self,
        field: usize,
        texts: &[&str],
        target: &mut dyn Target,
        now: i64,
        import_id: Option<i64>,
    ) -> Result<Option<CreatedRange>> {
        let object = Arc::clone(&self.fields[field].target);
        let naming = can_be_created(&object)?;
        let caseless = object.columns[naming].caseless;
        // Two spellings of one caseless name make one record.
        let mut names: Vec<&str> = Vec::new();
        let mut record_of: HashMap<String, usize> = HashMap::new();
        let missing: Vec<&str> = texts
            .iter()
            .copied()
            .filter(|text| self.remembered.get(&(field, (*text).to_owned())) == Some(&Resolution::Nobody))
            .collect();
        for text in &missing {
            record_of.entry(key_of(caseless, text).into_owned()).or_insert_with(|| {
                names.push(text);
                names.len() - 1
            });
        }
        if names.is_empty() {
            return Ok(None);
        }
        let first_id = target.reserve_ids(&object, names.len() as u64)?;
        let records = NewRecords {
            first_id,
            columns: vec![naming],
            values: vec![Arc::new(StringArray::from_iter_values(&names))],
            len: names.len(),
            now,
            import_id,
        };
        target.insert(&object, &records)?;
        for text in missing {
            let index = record_of.get(key_of(caseless, text).as_ref()).copied().unwrap_or_default();
            self.remembered.insert((field, text.to_owned()), Resolution::Record(first_id + index as i64));
        }
        let last_id = first_id + names.len() as i64 - 1;
        Ok(Some(CreatedRange { object: object.name().to_owned(), first_id, last_id }))
    }

    fn replace(&self, field: usize, batch: &mut CheckedBatch, texts: &StringArray) {
        let definition = &self.fields[field];
        let mut ids: Vec<Option<i64>> = Vec::with_capacity(texts.len());
        for row in 0..texts.len() {
            if texts.is_null(row) || batch.rejected[row] {
                ids.push(None);
                continue;
            }
            let text = texts.value(row);
            let resolution =
                self.remembered.get(&(field, text.to_owned())).copied().unwrap_or(Resolution::Nobody);
            let code = match resolution {
                Resolution::Record(id) => {
                    ids.push(Some(id));
                    continue;
                }
                Resolution::Ambiguous => ProblemCode::ReferenceAmbiguous,
                Resolution::Nobody => ProblemCode::ReferenceNotFound,
            };
            ids.push(None);
            batch.rejected[row] |= !self.leave_empty;
            let target = definition.target.name();
            let advice = if self.leave_empty {
                format!("in `{target}`; the field was left empty")
            } else {
                format!("in `{target}`; use its id, a unique field or --create-references")
            };
            batch.problems.push(Problem {
                row_number: batch.first_row + row as u64,
                line: batch.lines.get(row).copied().unwrap_or_default(),
                column: definition.header.clone(),
                field: Some(definition.name.clone()),
                code,
                severity: if self.leave_empty { Severity::Warning } else { Severity::Error },
                value: Some(shown(text)),
                message: sentence(code, &advice),
            });
        }
        batch.values[definition.position] = Arc::new(Int64Array::from(ids));
    }
}

/// The column a new record of this object is named by; an error where a name alone does not make one.
fn can_be_created(object: &Object) -> Result<ColumnIndex> {
    let naming = object.naming_column();
    let lacks = object.fields.iter().find(|field| {
        field.definition.required && field.definition.default.is_none() && Some(field.columns.start) != naming
    });
    match (naming, lacks) {
        (Some(naming), None) => Ok(naming),
        _ => Err(Error::request(format!("records of `{}` cannot be made from a name alone", object.name()))
            .hint("import them first, then refer to them")),
    }
}

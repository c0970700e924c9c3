//! Repairs of what a plan found wrong: cells written anew, texts replaced, values matched to choices. After each
//! the plan is made again.

use std::collections::BTreeMap;

use axum::extract::{Form, State};
use axum::response::Response;
use dray_engine::map::edits::{CellEdit, Edits, Replacement};

use super::review::{look, problems_of};
use super::{Draft, Prepared};
use crate::http::answer::Answer;
use crate::http::pages::pieces::text;
use crate::server::app::App;

/// What a form says: name → text.
type Entered = BTreeMap<String, String>;

/// Changes the repairs of a draft, and looks again what would happen.
async fn repaired(app: &App, prepared: Prepared, change: impl FnOnce(&mut Draft)) -> Answer<Response> {
    let Prepared { visit, object, mut draft } = prepared;
    change(&mut draft);
    draft.job.edits.check()?;
    look(app, &visit, object, draft).await
}

/// Replaces the edit of a cell, or adds one.
fn edit(edits: &mut Edits, row: u64, column: &str, value: Option<String>) {
    edits.cells.retain(|known| known.row != row || known.column != column);
    edits.cells.push(CellEdit { row, column: column.to_owned(), value });
}

/// Takes the cells of the sheet that were changed: each is named by its row and the place of its column.
pub async fn cells(
    State(app): State<App>,
    prepared: Prepared,
    Form(entered): Form<Entered>,
) -> Answer<Response> {
    repaired(&app, prepared, |draft| {
        let Some(review) = &draft.review else { return };
        for (row, cells) in &review.bad.rows {
            for (index, (column, before)) in review.bad.header.iter().zip(cells).enumerate() {
                // Browsers leave line ends out of what is entered on one line.
                let is_same =
                    |now: &str| now.chars().eq(before.chars().filter(|letter| !"\r\n".contains(*letter)));
                let now = entered.get(&format!("{row}.{index}"));
                if let Some(now) = now.filter(|now| *now != before && !is_same(now)) {
                    edit(&mut draft.job.edits, *row, column, Some(now.clone()).filter(|now| !now.is_empty()));
                }
            }
        }
    })
    .await
}

/// Replaces a text wherever it stands.
pub async fn replace(
    State(app): State<App>,
    prepared: Prepared,
    Form(mut entered): Form<Entered>,
) -> Answer<Response> {
    repaired(&app, prepared, |draft| {
        let find = entered.remove("find").unwrap_or_default();
        if find.is_empty() {
            return;
        }
        draft.job.edits.replacements.push(Replacement {
            column: entered.remove("column").filter(|column| !column.is_empty()),
            find,
            value: entered.remove("value"),
            whole: false,
            ignore_case: false,
        });
    })
    .await
}

/// Empties the cells of a column that have one kind of problem.
pub async fn empty(
    State(app): State<App>,
    prepared: Prepared,
    Form(entered): Form<Entered>,
) -> Answer<Response> {
    let (Some(column), Some(code)) = (entered.get("column"), entered.get("code")) else {
        return repaired(&app, prepared, |_| {}).await;
    };
    repaired(&app, prepared, |draft| {
        let Some(review) = &draft.review else { return };
        for problem in problems_of(&review.answer) {
            let row = problem.get("row").and_then(serde_json::Value::as_u64).filter(|row| *row > 0);
            if let Some(row) = row
                && text(problem, "column") == column
                && text(problem, "code") == code
            {
                edit(&mut draft.job.edits, row, column, None);
            }
        }
    })
    .await
}

/// Takes values of a column for choices of its field.
pub async fn values(
    State(app): State<App>,
    prepared: Prepared,
    Form(entered): Form<Entered>,
) -> Answer<Response> {
    repaired(&app, prepared, |draft| {
        let column = entered.get("column").cloned();
        for index in 0..entered.len() {
            let of = |name: &str| entered.get(&format!("{name}.{index}")).filter(|text| !text.is_empty());
            if let (Some(from), Some(to)) = (of("from"), of("to")) {
                draft.job.edits.replacements.push(Replacement {
                    column: column.clone(),
                    find: from.clone(),
                    value: Some(to.clone()),
                    whole: true,
                    ignore_case: true,
                });
            }
        }
    })
    .await
}

/// Says what happens where a reference names a record that is not there: it is made, or the cell is left empty.
pub async fn references(
    State(app): State<App>,
    prepared: Prepared,
    Form(entered): Form<Entered>,
) -> Answer<Response> {
    let may_make = prepared.visit.embedded.is_none();
    repaired(&app, prepared, |draft| {
        let makes = may_make && entered.get("missing").is_some_and(|missing| missing == "make");
        draft.job.policy.create_references = makes;
        draft.job.policy.leave_references_empty = !makes;
    })
    .await
}

/// Takes all repairs back.
pub async fn forget(State(app): State<App>, prepared: Prepared) -> Answer<Response> {
    repaired(&app, prepared, |draft| {
        draft.job.edits = Edits::default();
        draft.job.policy.create_references = false;
        draft.job.policy.leave_references_empty = false;
    })
    .await
}

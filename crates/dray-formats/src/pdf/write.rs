//! Writes a table on pages. A thread of its own lays out and draws, as the document it draws into cannot
//! leave its thread; a batch waits while another is drawn.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use dray_model::value::{ValueType, append_text};
use dray_model::{Error, ErrorKind, Result};
use krilla::Document;
use krilla::metadata::Metadata;

use super::draw::{Heading, PageRows, Painter, PlacedRow, RowLines};
use super::fonts::{Face, FontBook, HEADING, PLAIN, check_named};
use super::layout::{Layout, MARGIN, MAX_COLUMNS, plan, too_many_columns};
use super::text::{printable, wrap};
use crate::dates::DateFormat;
use crate::options::WriteOptions;
use crate::write::{OutputColumn, RowWriter, check_columns};

/// The columns are made as wide as these rows want them.
const SAMPLE_ROWS: usize = 500;
/// As long as there are no more pages than this they wait, so that each can say how many there are.
const PAGES_WAITING: usize = 60;
/// Nobody turns more pages than this, and each takes memory until the end.
const MOST_PAGES: usize = 10_000;
/// The most characters of a cell that are shown; what follows is for other formats.
const MOST_CHARACTERS: usize = 10_000;

/// A PDF that is being written.
pub(super) struct PdfWriter {
    columns: Vec<OutputColumn>,
    work: Option<(SyncSender<Message>, JoinHandle<Result<()>>)>,
}

enum Message {
    Rows(RecordBatch),
    End,
}

impl PdfWriter {
    pub(super) fn new(
        columns: Vec<OutputColumn>,
        options: &WriteOptions,
        out: Box<dyn Write + Send>,
    ) -> Result<Self> {
        if columns.is_empty() {
            return Err(Error::request("a table on pages needs a column").hint("choose the fields to write"));
        }
        if columns.len() > MAX_COLUMNS {
            return Err(too_many_columns(columns.len()));
        }
        check_named(&options.fonts)?;
        let date_format = options.date_format.as_deref().map(DateFormat::parse).transpose()?;
        let (sender, receiver) = sync_channel(1);
        let (table, options) = (columns.clone(), options.clone());
        let thread = std::thread::Builder::new()
            .name("pdf".to_owned())
            .spawn(move || Pages::new(table, &options, date_format)?.work(&receiver, out))
            .map_err(|cause| Error::file("no thread can be started to draw the pages").because(cause))?;
        Ok(Self { columns, work: Some((sender, thread)) })
    }

    /// The error by which the drawing ended.
    fn result(&mut self) -> Result<()> {
        let Some((sender, thread)) = self.work.take() else {
            return Err(Error::file("the file could not be written before"));
        };
        drop(sender);
        thread.join().unwrap_or_else(|_| {
            Err(Error::file("the pages cannot be drawn")
                .hint("a font of this machine may be damaged; write another format, or name other fonts"))
        })
    }
}

impl RowWriter for PdfWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        check_columns(&self.columns, batch)?;
        let sent =
            self.work.as_ref().is_some_and(|(sender, _)| sender.send(Message::Rows(batch.clone())).is_ok());
        if sent { Ok(()) } else { self.result() }
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if let Some((sender, _)) = &self.work {
            // Where nobody listens, the result says why.
            let _ = sender.send(Message::End);
        }
        self.result()
    }
}

/// The pages in the making.
struct Pages {
    columns: Vec<OutputColumn>,
    title: Option<String>,
    description: Option<String>,
    date_format: Option<DateFormat>,
    fonts: FontBook,
    document: Document,
    /// Rows not yet laid out, until the layout is decided.
    sample: Vec<Vec<String>>,
    painter: Option<Painter>,
    page: PageRows,
    /// Complete pages that are not drawn yet.
    waiting: Vec<PageRows>,
    /// How many pages are complete.
    pages: usize,
    drawn: usize,
    rows: u64,
}

impl Pages {
    fn new(
        columns: Vec<OutputColumn>,
        options: &WriteOptions,
        date_format: Option<DateFormat>,
    ) -> Result<Self> {
        let fonts =
            FontBook::new(&options.fonts).ok_or_else(|| Error::file("the built-in fonts are damaged"))?;
        let mut metadata = Metadata::new().creator("Dray".to_owned());
        if let Some(title) = &options.title {
            metadata = metadata.title(title.clone());
        }
        if let Some(description) = &options.description {
            metadata = metadata.description(description.clone());
        }
        let mut document = Document::new();
        document.set_metadata(metadata);
        Ok(Self {
            columns,
            title: options.title.clone(),
            description: options.description.clone(),
            date_format,
            fonts,
            document,
            sample: Vec::new(),
            painter: None,
            page: PageRows::default(),
            waiting: Vec::new(),
            pages: 0,
            drawn: 0,
            rows: 0,
        })
    }

    fn work(mut self, messages: &Receiver<Message>, mut out: Box<dyn Write + Send>) -> Result<()> {
        loop {
            match messages.recv() {
                Ok(Message::Rows(batch)) => self.add_batch(&batch)?,
                Ok(Message::End) => break,
                // The writer was dropped, so nobody wants the file.
                Err(_) => return Ok(()),
            }
        }
        if self.painter.is_none() {
            self.decide()?;
        }
        if !self.page.rows.is_empty() || self.pages == 0 {
            self.end_page()?;
        }
        let total = (self.drawn == 0).then_some(self.pages);
        self.draw_waiting(total)?;
        let bytes = self.document.finish().map_err(|cause| {
            Error::file("the PDF cannot be put together")
                .hint("a font of this machine may not be allowed in documents; name other fonts")
                .because(format!("{cause:?}"))
        })?;
        out.write_all(&bytes).and_then(|()| out.flush()).map_err(|cause| {
            Error::file("writing the file failed")
                .hint("check that there is room on the disk and the receiver still listens")
                .because(cause)
        })
    }

    fn add_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        for row in 0..batch.num_rows() {
            let cells = self.columns.iter().zip(batch.columns());
            let cells =
                cells.map(|(column, array)| self.cell(column.value_type, array.as_ref(), row)).collect();
            if self.painter.is_some() {
                self.add_row(cells)?;
                continue;
            }
            self.sample.push(cells);
            if self.sample.len() == SAMPLE_ROWS {
                self.decide()?;
            }
        }
        Ok(())
    }

    /// The text of a cell; none for null.
    fn cell(&self, value_type: ValueType, array: &dyn Array, row: usize) -> String {
        let mut text = String::new();
        if array.is_null(row) {
            return text;
        }
        match (value_type, &self.date_format) {
            (ValueType::Date, Some(format)) => {
                format.append_date(array.as_primitive::<Date32Type>().value(row).into(), &mut text);
            }
            (ValueType::DateTime, Some(format)) => {
                format
                    .append_datetime(array.as_primitive::<TimestampMicrosecondType>().value(row), &mut text);
            }
            _ => {
                append_text(value_type, array, row, &mut text);
            }
        }
        if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
            text.truncate(end);
            text.push('…');
        }
        printable(&text)
    }

    /// Decides how the pages look and lays the first rows out.
    fn decide(&mut self) -> Result<()> {
        let names: Vec<String> = self.columns.iter().map(|column| printable(&column.name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let is_number =
            |column: &OutputColumn| matches!(column.value_type, ValueType::Integer | ValueType::Decimal);
        let numbers: Vec<bool> = self.columns.iter().map(is_number).collect();
        let layout = plan(&mut self.fonts, &names, &numbers, &self.sample)?;
        let room = layout.page_width - 2.0 * MARGIN;
        let (title, description) = (self.title.as_deref(), self.description.as_deref());
        let heading = Heading::new(&mut self.fonts, title, description, room);
        let header = break_row(&mut self.fonts, &layout, HEADING, names.into_iter());
        let header_height = height(&layout, &header);
        self.painter = Some(Painter { layout, heading, header, header_height });
        for row in std::mem::take(&mut self.sample) {
            self.add_row(row)?;
        }
        Ok(())
    }

    fn add_row(&mut self, cells: Vec<String>) -> Result<()> {
        let Some(painter) = &self.painter else { return Ok(()) };
        let layout = &painter.layout;
        let mut lines = break_row(&mut self.fonts, layout, PLAIN, cells.iter().map(String::as_str));
        let mut row_height = height(layout, &lines);
        let line_height = layout.line_height();
        let row_padding = layout.row_padding();
        let whole_page = painter.room(false);
        let is_striped = self.rows % 2 == 1;
        self.rows += 1;
        loop {
            let Some(painter) = &self.painter else { return Ok(()) };
            let room = painter.room(self.pages == 0) - self.page.height;
            if row_height <= room {
                self.page.height += row_height;
                self.page.rows.push(PlacedRow { lines, height: row_height, is_striped });
                return Ok(());
            }
            if row_height <= whole_page {
                self.end_page()?;
                continue;
            }
            // A row taller than a page goes on on the next one.
            let fitting = ((room - 2.0 * row_padding) / line_height).floor().max(0.0) as usize;
            if fitting > 0 || self.page.rows.is_empty() {
                let rest: RowLines =
                    lines.iter_mut().map(|lines| lines.split_off(fitting.max(1).min(lines.len()))).collect();
                self.page.rows.push(PlacedRow { lines, height: room.max(0.0), is_striped });
                lines = rest;
                let Some(painter) = &self.painter else { return Ok(()) };
                row_height = height(&painter.layout, &lines);
            }
            self.end_page()?;
        }
    }

    /// Draws the page, or lets it wait until it is known how many there are.
    fn end_page(&mut self) -> Result<()> {
        if self.pages == MOST_PAGES {
            return Err(Error::new(ErrorKind::Limit, format!("the table has more than {MOST_PAGES} pages"))
                .hint(
                    "choose fewer rows or fields, or write a format for programs, such as CSV or Parquet",
                ));
        }
        self.waiting.push(std::mem::take(&mut self.page));
        self.pages += 1;
        if self.drawn > 0 || self.waiting.len() > PAGES_WAITING {
            self.draw_waiting(None)?;
        }
        Ok(())
    }

    fn draw_waiting(&mut self, total: Option<usize>) -> Result<()> {
        let Some(painter) = &self.painter else { return Ok(()) };
        for page in std::mem::take(&mut self.waiting) {
            self.drawn += 1;
            painter.draw(&mut self.document, &mut self.fonts, &page, self.drawn, total)?;
        }
        Ok(())
    }
}

fn break_row<'a>(
    fonts: &mut FontBook,
    layout: &Layout,
    face: Face,
    cells: impl Iterator<Item = &'a str>,
) -> RowLines {
    cells
        .zip(&layout.columns)
        .map(|(cell, column)| {
            // A hair more room than measured, so that what fits exactly is not broken.
            let room = (column.width - 2.0 * layout.padding) / layout.font_size + 0.01;
            if cell.is_empty() { Vec::new() } else { wrap(fonts, face, cell, room) }
        })
        .collect()
}

fn height(layout: &Layout, row: &RowLines) -> f32 {
    let lines = row.iter().map(Vec::len).max().unwrap_or(0).max(1);
    lines as f32 * layout.line_height() + 2.0 * layout.row_padding()
}

//! `roundsman sql STATEMENT`: what the store answers to a statement of SQL, for other programs.

use clap::Args;
use tokio::sync::mpsc;

use super::{
    CliError, Runtime,
    rows::{ExportHeader, ExportRow, Format},
};
use crate::store::{SQL_AHEAD, SqlPart};

/// Shown under the help.
pub(super) const EXAMPLES: &str = "\
Examples:
  roundsman sql \"SELECT host, max(load_1) FROM cpu_load GROUP BY host\"
  roundsman sql --format jsonl \"SELECT time, mount_point, used_pct FROM filesystem
                                WHERE host = 'web-01' AND hour >= '2026-03-29T01'\"

Tables and views: docs/schema.md. The statement is in the words of the store, SQLite or MySQL.";

/// Bytes that are printed at once.
const PRINTED: usize = 1 << 16;

/// Flags of `sql`.
#[derive(Debug, Args)]
pub(super) struct SqlArgs {
    /// One statement that reads
    #[arg(value_name = "STATEMENT")]
    statement: String,
    /// CSV with a header (RFC 4180); unknown values are empty, and text that a spreadsheet would run
    /// (=, +, -, @) gets an apostrophe before it. Or one JSON document per line. Bytes that are no text are
    /// in hexadecimal, after 0x
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
}

/// Asks and prints; a reader that goes away ends it quietly.
pub(super) fn run(args: &SqlArgs, runtime: &Runtime) -> Result<(), CliError> {
    let (store, _) = runtime.store_and_settings()?;
    let (sink, mut parts) = mpsc::channel(SQL_AHEAD);
    let print = async {
        let mut header = ExportHeader::of_names(Vec::new());
        let mut text = String::new();
        while let Some(part) = parts.recv().await {
            match part {
                SqlPart::Names(names) => {
                    header = ExportHeader::of_names(names);
                    text += &header.head(args.format);
                }
                SqlPart::Row(values) => {
                    header.add(&ExportRow::of_sql(values), args.format, &mut text)?;
                }
            }
            if text.len() >= PRINTED {
                runtime.output.data(&std::mem::take(&mut text))?;
            }
        }
        runtime.output.data(&text)
    };
    let asked = async {
        // Nobody takes what comes after the end of `print`.
        let (answered, printed) = tokio::join!(store.sql(args.statement.clone(), sink), print);
        printed.and(answered.map_err(Into::into))
    };
    runtime.block_on(asked)
}

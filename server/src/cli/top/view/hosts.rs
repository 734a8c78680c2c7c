//! The hosts: what they come to, then a line for each, trouble first, its cause in place of values.

use super::{Color, Modifier, Pen, Style, Theme, columns, meter, padded};
use crate::{
    cli::{
        output::{percent, short_rate},
        top::{
            cause,
            field::{Field, SHARE_COLUMNS},
            fleet::TopHost,
            groups::GroupRow,
            list::{INDENT, ListRow},
            model::Model,
            times::short_length,
        },
    },
    model::State,
};

/// The widest bar of what the fleet comes to.
const WIDEST: usize = 30;

/// Draws them.
pub(super) fn draw(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    if model.is_summed() {
        sums(pen, model, theme);
    }
    let list = &model.list;
    let fields = list.fields(pen.width());
    let mut titles = String::new();
    for (field, width) in &fields {
        let sign = match (*field == list.sort, list.reverse) {
            (false, _) => "",
            (true, false) => "▼",
            (true, true) => "▲",
        };
        let mut title = format!("{}{sign}", field.title());
        if field.has_bar() {
            // Above the figure, not above the bar.
            title = padded(&title, columns(&title).max(SHARE_COLUMNS - 1), true);
        }
        titles.push_str(&padded(&title, *width, field.is_number()));
        titles.push(' ');
    }
    pen.fill(titles.trim_end(), theme.bar());
    if list.rows.is_empty() {
        let words = match (model.fleet.at, list.filter.is_empty()) {
            (None, _) => "waiting for the server …",
            (_, true) => "no hosts: the inventory is empty",
            (_, false) => "no hosts match; Esc ends the filter",
        };
        pen.write(&[(&format!(" {words}"), theme.dim())]);
    }
    let chosen = list.position();
    for (at, row) in list.rows.iter().enumerate().skip(list.first()).take(model.room()) {
        let mut pieces = match row {
            ListRow::Group(group) => of_group(model, &list.groups[*group], &fields, theme),
            ListRow::Host(host) => of_host(model, host, &fields, (pen.width(), theme)),
        };
        if at == chosen {
            pieces.iter_mut().for_each(|(_, style)| *style = theme.bar());
        }
        pen.put(&pieces);
    }
}

/// What all hosts come to.
fn sums(pen: &mut Pen<'_>, model: &Model, theme: Theme) {
    let Some(GroupRow { sums, .. }) = &model.total else {
        pen.line += 1;
        return;
    };
    let shares = [("CPU", sums.cpu_pct), ("MEM", sums.mem_pct), ("DISK", sums.fs_pct)];
    let rates = format!("RX {}  TX {}", short_rate(sums.rx), short_rate(sums.tx));
    // Of a share its name, its figure and the spaces between.
    let taken: usize = shares.iter().map(|(name, _)| name.len() + 11).sum();
    let width = (pen.width().saturating_sub(taken + columns(&rates) + 1) / 3).clamp(4, WIDEST);
    let mut pieces = vec![(" ".to_owned(), Style::new())];
    for (name, share) in shares {
        let style = theme.share(share);
        pieces.push((format!("{name} "), theme.dim()));
        pieces.push((padded(&percent(share), 7, true) + " ", style));
        pieces.extend(meter::bar(share, width, style, theme));
        pieces.push(("  ".to_owned(), Style::new()));
    }
    pieces.push((rates, theme.dim()));
    pen.put(&pieces);
}

/// A share in digits, and its bar.
fn share(
    field: Field,
    share: Option<f64>,
    of: (&TopHost, &Model),
    width: usize,
    theme: Theme,
) -> Vec<(String, Style)> {
    let style = theme.share(share);
    let figure = padded(&field.cell(of.0, of.1.now), SHARE_COLUMNS - 1, true) + " ";
    let mut pieces = vec![(figure, style)];
    pieces.extend(meter::bar(share, width.saturating_sub(SHARE_COLUMNS), style, theme));
    pieces.push((" ".to_owned(), Style::new()));
    pieces
}

fn of_host(
    model: &Model,
    host: &TopHost,
    fields: &[(Field, usize)],
    (screen, theme): (usize, Theme),
) -> Vec<(String, Style)> {
    let list = &model.list;
    let has = |wanted: Field| fields.iter().any(|(field, _)| *field == wanted);
    let is_across = cause::is_across(host, list.sort == Field::State, has(Field::Cause));
    let mut pieces = Vec::new();
    if list.grouped {
        pieces.push((" ".repeat(INDENT), Style::new()));
    }
    for (field, width) in fields {
        if field.is_value() && is_across {
            break;
        }
        if let Some(known) = field.share(host) {
            pieces.extend(share(*field, known, (host, model), *width, theme));
            continue;
        }
        let style = match field {
            Field::State => theme.state(host.state),
            Field::Name => match host.severity {
                Some(severity) => theme.severity(severity).add_modifier(Modifier::BOLD),
                None => theme.bold(),
            },
            Field::Cause => words_style(host, theme),
            Field::Outcome if host.outcome != "ok" => theme.ink(Color::Yellow),
            Field::Trail => theme.series(),
            _ => Style::new(),
        };
        let width = match field {
            Field::Name if list.grouped => width.saturating_sub(INDENT),
            _ => *width,
        };
        let cell = field.cell(host, model.now);
        pieces.push((padded(&cell, width, field.is_number()) + " ", style));
    }
    if is_across {
        let taken: usize = pieces.iter().map(|(text, _)| columns(text)).sum();
        let room = screen.saturating_sub(taken);
        let since = if has(Field::Since) {
            String::new()
        } else {
            format!("  {}", short_length(model.now, Some(host.since)))
        };
        let words =
            padded(&cause::words(host, model.now), room.saturating_sub(columns(&since)), false);
        pieces.extend([(words, words_style(host, theme)), (since, Style::new())]);
    }
    pieces
}

fn words_style(host: &TopHost, theme: Theme) -> Style {
    match (host.state, host.severity) {
        (State::Down, _) => theme.state(State::Down),
        (State::Suspect | State::Degraded, _) => {
            theme.state(host.state).add_modifier(Modifier::BOLD)
        }
        (State::Up, Some(severity)) => theme.severity(severity),
        _ => theme.dim(),
    }
}

fn of_group(
    model: &Model,
    group: &GroupRow,
    fields: &[(Field, usize)],
    theme: Theme,
) -> Vec<(String, Style)> {
    let sums = &group.sums;
    let sign = if model.list.is_folded(group) { '▸' } else { '▾' };
    let name = if sums.name.is_empty() { "no group" } else { &*sums.name };
    let mut pieces = Vec::new();
    // The states of its hosts take the place of one state, and of what a group has none of.
    let mut states = 0;
    for (field, width) in fields {
        match field {
            Field::Name => {
                let fires = if sums.alarms > 0 { "!" } else { "" };
                let count = format!(" {}", group.hosts.len());
                let name = padded(&format!("{sign} {name}{fires}"), width - columns(&count), false);
                pieces.extend([(name, theme.bold()), (count + " ", theme.dim())]);
            }
            Field::State | Field::Since | Field::Group => states += width + 1,
            other => {
                if states > 0 {
                    let style = theme.state(sums.state);
                    pieces.push((padded(&group.states(), states - 1, false) + " ", style));
                    states = 0;
                }
                match other.share(sums) {
                    Some(known) => {
                        pieces.extend(share(*other, known, (sums, model), *width, theme));
                    }
                    None if matches!(
                        other,
                        Field::Outcome | Field::Age | Field::Cause | Field::Trail
                    ) =>
                    {
                        pieces.push((" ".repeat(width + 1), Style::new()));
                    }
                    None => {
                        let cell = other.cell(sums, model.now);
                        pieces.push((padded(&cell, *width, other.is_number()) + " ", theme.bold()));
                    }
                }
            }
        }
    }
    if states > 0 {
        pieces.push((padded(&group.states(), states - 1, false), theme.state(sums.state)));
    }
    pieces
}

//! A report as text, drawn by rustc's own renderer.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::report::{Problem, Report, Severity, Spot};
use super::source::Source;

/// Wide enough for any line that a person wrote; longer ones are cut around the mistake.
const WIDTH: usize = 160;

/// Nobody reads more at once.
const MAX_SHOWN: usize = 500;

pub fn render(report: &Report, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
    let mut text = String::new();
    for problem in report.problems.iter().take(MAX_SHOWN) {
        text.push_str(&renderer.render(&groups(report, problem)));
        text.push_str("\n\n");
    }
    if let Some(total) = total(report) {
        text.push_str(&renderer.render(&[Group::with_title(Level::ERROR.primary_title(total))]));
        text.push('\n');
    }
    text
}

fn groups<'a>(report: &'a Report, problem: &'a Problem) -> Vec<Group<'a>> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()));
    if let Some(spot) = problem.spot {
        for snippet in snippets(report, problem, spot) {
            group = group.element(snippet);
        }
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

/// One snippet for each file that takes part, the problem's own first.
fn snippets<'a>(report: &'a Report, problem: &'a Problem, place: Spot) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut marks = vec![(place, AnnotationKind::Primary, None)];
    marks.extend(problem.others.iter().map(|(spot, label)| (*spot, AnnotationKind::Context, Some(label))));
    let mut snippets = Vec::new();
    while let Some(file) = marks.first().map(|(spot, ..)| spot.file) {
        let (here, rest): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(spot, ..)| spot.file == file);
        marks = rest;
        let Some(source) = report.source(file) else { continue };
        let spots: Vec<Spot> = here.iter().map(|(spot, ..)| clip(source, *spot)).collect();
        let start = spots.iter().map(|spot| source.line_start(spot.start)).min().unwrap_or(0);
        let end = spots.iter().map(|spot| source.line_end(spot.start)).max().unwrap_or(0);
        let mut snippet = Snippet::source(source.text.get(start..end).unwrap_or_default())
            .line_start(source.line(start))
            .path(source.shown.to_string_lossy());
        for (spot, (_, kind, label)) in spots.iter().zip(here) {
            let span = spot.start.saturating_sub(start)..spot.end.saturating_sub(start);
            snippet = snippet.annotation(kind.span(span).label(label.map(String::as_str)));
        }
        snippets.push(snippet);
    }
    snippets
}

/// A stretch of several lines is shown by its first, which tells enough. Ends on whole characters.
fn clip(source: &Source, spot: Spot) -> Spot {
    let text = &source.text;
    let start = text.floor_char_boundary(spot.start.min(text.len()));
    let end = spot.end.clamp(start, source.line_end(start).max(start));
    Spot { start, end: text.ceil_char_boundary(end), ..spot }
}

/// The last line, if something has to be changed.
fn total(report: &Report) -> Option<String> {
    let errors = report.count(Severity::Error);
    let warnings = report.count(Severity::Warning);
    let name = report.sources.first().map(|source| source.shown.to_string_lossy())?;
    let warned = match warnings {
        0 => String::new(),
        1 => " and 1 warning".into(),
        count => format!(" and {count} warnings"),
    };
    match errors {
        0 => None,
        1 => Some(format!("{name} has 1 error{warned}")),
        count => Some(format!("{name} has {count} errors{warned}")),
    }
}

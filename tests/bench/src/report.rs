//! The results: as JSON, as a table, as plots.

use crate::catalogue::{Bar, Entrant, Experiment, FIGURES, Figure, Role, Unit};
use crate::measure::Found;
use crate::plot::{self, Style};
use crate::sides::Cpus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

/// Two processors count as halves of one core if a cache line returns within this many nanoseconds.
const ONE_CORE: f64 = 75.0;

/// They count as cores with a cache in common if it returns within this many.
const NEAR: f64 = 200.0;

/// A start had its core to itself if it was slower than the quickest of its experiment by no more
/// than this.
const ALONE: f64 = 1.2;

/// The results of one start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Start {
    /// Numbers by name. `clean` says of how many undisturbed passes they are the median.
    pub found: BTreeMap<String, f64>,
    /// The bare cache line's round trip before and after, in nanoseconds, where two processors are
    /// at work.
    pub line: Option<[f64; 2]>,
    /// How long some arithmetic took before and after, in nanoseconds, where one processor is at
    /// work.
    pub pace: Option<[f64; 2]>,
    /// Whether it ran with priority over every ordinary process.
    pub first: bool,
    /// The kind of starts that it can be compared with, if that did not change; known when all
    /// starts are.
    #[serde(skip)]
    kind: Option<Distance>,
}

impl Start {
    /// One that found this.
    pub fn new(found: Found, line: Option<[f64; 2]>, pace: Option<[f64; 2]>, first: bool) -> Self {
        let found = found.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        Start { found, line, pace, first, kind: None }
    }

    /// Where the two processors lay, if they stayed there; or, with the `best` pace known, whether
    /// one processor had its core to itself.
    fn kind(&self, best: f64) -> Option<Distance> {
        let pace = self.pace.map(|pace| {
            pace.map(|it| if it <= ALONE * best { Distance::Alone } else { Distance::Shared })
        });
        let line = self.line.map(|line| {
            line.map(|it| match it {
                ..ONE_CORE => Distance::OneCore,
                ..=NEAR => Distance::Near,
                _ => Distance::Far,
            })
        });
        let [before, after] = line.or(pace)?;
        (before == after).then_some(before)
    }

    fn is_clean(&self) -> bool {
        self.found.get("clean").is_none_or(|passes| *passes > 0.0)
    }
}

/// The results of all starts of an entrant.
#[derive(Debug, Clone, Serialize)]
pub struct EntrantResult {
    /// Its name.
    pub name: String,
    /// Who it is.
    pub role: Role,
    /// Its starts, in order.
    pub starts: Vec<Start>,
    /// Why it was left out.
    pub failure: Option<String>,
}

/// Which starts count: like is compared with like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// Those whose processors were cores with a cache in common throughout.
    Near,
    /// Those whose processors were halves of one core.
    OneCore,
    /// Those whose processors had no cache in common.
    Far,
    /// Those that had their core for themselves.
    Alone,
    /// Those that shared it with another guest.
    Shared,
    /// All: no kind had enough.
    Mixed,
}

/// The results of an experiment.
#[derive(Debug, Clone, Serialize)]
pub struct ExperimentResult {
    /// Its name.
    pub id: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Which starts count.
    pub distance: Distance,
    /// Whether that choice matters.
    pub two_processors: bool,
    /// Who took part.
    pub entrants: Vec<EntrantResult>,
}

/// Smallest, median and largest over the starts that count.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The largest.
    pub max: f64,
}

/// A value with its owner's name.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// The entrant's name.
    pub name: String,
    /// The value.
    #[serde(flatten)]
    pub spread: Spread,
}

/// A row of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What it is about.
    pub figure: &'static str,
    /// The experiment it is of.
    pub experiment: &'static str,
    /// Ours.
    pub ours: Option<Named>,
    /// What it is compared with.
    pub best: Option<Named>,
    /// What the machine can do.
    pub limit: Option<Named>,
    /// Ours over what it is compared with.
    pub ratio: Option<f64>,
    /// What is to be reached, in words.
    pub bar: String,
    /// Whether it is.
    pub reached: Option<bool>,
    #[serde(skip)]
    unit: Unit,
}

/// The machine that it was measured on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    processor: String,
    processors: usize,
    pinned_to: [usize; 2],
    kernel: String,
    compiler: &'static str,
    load_before: String,
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `ringway-bench/1`: fields are added, never renamed or removed, while it stays the same.
    pub format: &'static str,
    /// Where.
    pub machine: Machine,
    /// How many starts each entrant had.
    pub starts: usize,
    /// How long it took.
    pub seconds: f64,
    /// The table.
    pub figures: Vec<Row>,
    /// Everything.
    pub experiments: Vec<ExperimentResult>,
}

impl EntrantResult {
    /// One of which nothing is known yet.
    pub fn new(entrant: &Entrant) -> Self {
        EntrantResult {
            name: entrant.name.to_string(),
            role: entrant.role,
            starts: Vec::new(),
            failure: None,
        }
    }

    fn count(&self, distance: Distance) -> usize {
        self.starts.iter().filter(|start| distance.counts(start)).count()
    }

    /// The metric over the starts that count: those that were not disturbed, if there are any.
    fn spread(&self, metric: &str, distance: Distance) -> Option<Spread> {
        let values = |clean: bool| {
            let counts = |start: &&Start| distance.counts(start) && (!clean || start.is_clean());
            let values = self.starts.iter().filter(counts).filter_map(|it| it.found.get(metric));
            let mut values: Vec<f64> = values.copied().collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let mut seen = values(true);
        if seen.is_empty() {
            seen = values(false);
        }
        Some(Spread { min: *seen.first()?, median: *seen.get(seen.len() / 2)?, max: *seen.last()? })
    }
}

impl Distance {
    fn counts(self, start: &Start) -> bool {
        self == Distance::Mixed || start.kind == Some(self)
    }
}

impl ExperimentResult {
    /// Decides which starts count.
    pub fn new(experiment: &Experiment, mut entrants: Vec<EntrantResult>) -> Self {
        let paces = entrants.iter().flat_map(|it| &it.starts).filter_map(|start| start.pace);
        let best = paces.flatten().fold(f64::MAX, f64::min);
        for start in entrants.iter_mut().flat_map(|it| &mut it.starts) {
            start.kind = start.kind(best);
        }
        let took_part = || entrants.iter().filter(|it| !it.starts.is_empty());
        let enough = |distance: Distance| {
            took_part().all(|it| it.count(distance) >= it.starts.len().div_ceil(5))
        };
        use Distance::{Alone, Far, Near, OneCore, Shared};
        let kinds = [Near, OneCore, Far, Alone, Shared];
        let distance = kinds.into_iter().find(|kind| enough(*kind)).unwrap_or(Distance::Mixed);
        ExperimentResult {
            id: experiment.id,
            title: experiment.title,
            distance,
            two_processors: experiment.two_processors,
            entrants,
        }
    }

    fn named(&self, entrant: &EntrantResult, metric: &str) -> Option<Named> {
        let spread = entrant.spread(metric, self.distance)?;
        Some(Named { name: entrant.name.clone(), spread })
    }

    /// The best of those that are asked for.
    fn best(&self, figure: &Figure, who: impl Fn(&EntrantResult) -> bool) -> Option<Named> {
        let named = self.entrants.iter().filter(|it| who(it));
        let named = named.filter_map(|it| self.named(it, figure.metric));
        named.min_by(|a, b| {
            let (a, b) = (a.spread.median, b.spread.median);
            if figure.unit.less_is_better() { a.total_cmp(&b) } else { b.total_cmp(&a) }
        })
    }
}

impl Unit {
    fn told(self, value: f64) -> String {
        match self {
            Unit::Time => plot::time(value),
            Unit::Rate => plot::rate(value),
            Unit::Throughput => plot::throughput(value),
        }
    }
}

impl Row {
    fn new(figure: &Figure, experiment: &ExperimentResult) -> Self {
        let ours = experiment.best(figure, |it| {
            it.role == Role::Ours && (figure.ours.is_empty() || it.name == figure.ours)
        });
        let rival = figure.bars.iter().find_map(|bar| match bar {
            Bar::AtMost(_, name) => Some(*name),
            _ => None,
        });
        let best = experiment.best(figure, |it| match rival {
            Some(name) => it.name == name,
            None => matches!(it.role, Role::Peer | Role::Raw),
        });
        let limit = experiment.best(figure, |it| it.role == Role::Limit);
        let median = |named: &Option<Named>| named.as_ref().map(|it| it.spread.median);
        let ratio = median(&ours).zip(median(&best)).map(|(ours, best)| ours / best);
        let mut told = Vec::new();
        let mut reached = Some(true);
        for bar in figure.bars {
            let (words, is) = bar.judge(median(&ours), median(&best), median(&limit));
            told.push(words);
            reached = reached.zip(is).map(|(before, now)| before && now);
        }
        Row {
            figure: figure.title,
            experiment: figure.experiment,
            ours,
            best,
            limit,
            ratio,
            bar: told.join(", "),
            reached,
            unit: figure.unit,
        }
    }
}

impl Bar {
    /// What is to be reached, in words, and whether it is; none where something was not measured.
    fn judge(
        self,
        ours: Option<f64>,
        best: Option<f64>,
        limit: Option<f64>,
    ) -> (String, Option<bool>) {
        let least = |than: Option<f64>, factor: f64| {
            ours.zip(than).map(|(ours, than)| ours >= factor * than)
        };
        let most = |than: Option<f64>, factor: f64| {
            ours.zip(than).map(|(ours, than)| ours <= factor * than)
        };
        match self {
            Bar::AtLeastBest(factor) => (format!("≥ {factor} × best"), least(best, factor)),
            Bar::AtMostBest(factor) => (format!("≤ {factor} × best"), most(best, factor)),
            Bar::AtLeastLimit(factor) => (format!("≥ {factor} × limit"), least(limit, factor)),
            Bar::AtMostLimit(factor) => (format!("≤ {factor} × limit"), most(limit, factor)),
            Bar::AtMost(factor, _) => (format!("≤ {factor} × raw"), most(best, factor)),
            Bar::Nanoseconds(bound) => {
                (format!("≤ {}", plot::time(bound)), ours.map(|ours| ours <= bound))
            }
            Bar::PerSecond(bound) => {
                (format!("≥ {}", plot::rate(bound)), ours.map(|ours| ours >= bound))
            }
        }
    }
}

impl Machine {
    /// This one.
    pub fn here(cpus: Cpus) -> Self {
        let line = |path: &str, key: &str| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.trim_start_matches([' ', '\t', ':']).trim().to_string()
        };
        Machine {
            processor: line("/proc/cpuinfo", "model name"),
            processors: crate::sides::allowed().len(),
            pinned_to: [cpus.0, cpus.1],
            kernel: line("/proc/sys/kernel/osrelease", ""),
            compiler: env!("RINGWAY_BENCH_COMPILER"),
            load_before: line("/proc/loadavg", ""),
        }
    }
}

/// Pads to this many characters; numbers are padded on the left.
fn padded(text: &str, width: usize, left: bool) -> String {
    let blank = " ".repeat(width.saturating_sub(text.chars().count()));
    if left { format!("{blank}{text}") } else { format!("{text}{blank}") }
}

/// Columns as wide as their widest cell; those named in `numbers` stand to the right.
fn table(rows: &[Vec<String>], numbers: &[usize]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .enumerate()
            .map(|(column, cell)| padded(cell, widths[column], numbers.contains(&column)))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        if number == 0 {
            let _ =
                writeln!(text, "{}", "─".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1)));
        }
    }
    text
}

impl Report {
    /// Sums up.
    pub fn new(machine: Machine, starts: usize, experiments: Vec<ExperimentResult>) -> Self {
        let figures = FIGURES
            .iter()
            .filter_map(|figure| {
                let experiment = experiments.iter().find(|it| it.id == figure.experiment)?;
                Some(Row::new(figure, experiment))
            })
            .collect();
        Report { format: "ringway-bench/1", machine, starts, seconds: 0.0, figures, experiments }
    }

    /// The table, and everything behind it.
    pub fn text(&self) -> String {
        let machine = &self.machine;
        let mut text = format!(
            "{}, {} processors (pinned to {} and {}), Linux {}, {}, load {}\n\
             {} starts each, {:.0} s in all; medians over fresh processes{}\n\n",
            machine.processor,
            machine.processors,
            machine.pinned_to[0],
            machine.pinned_to[1],
            machine.kernel,
            machine.compiler,
            machine.load_before,
            self.starts,
            self.seconds,
            if self.ran_first() { ", which run before every ordinary one" } else { "" },
        );
        let header = ["figure", "ours", "best peer", "limit", "ratio", "bar", "reached"];
        let mut rows = vec![header.map(String::from).to_vec()];
        for row in &self.figures {
            let told = |named: &Option<Named>| {
                named.as_ref().map_or("–".into(), |it| {
                    format!(
                        "{} ({})",
                        row.unit.told(it.spread.median),
                        it.name.trim_start_matches("ringway ")
                    )
                })
            };
            let limit =
                row.limit.as_ref().map_or("–".into(), |it| row.unit.told(it.spread.median));
            rows.push(vec![
                row.figure.to_string(),
                told(&row.ours),
                told(&row.best),
                limit,
                row.ratio.map_or("–".into(), |ratio| format!("{ratio:.2}")),
                row.bar.clone(),
                row.reached.map_or("–", |reached| if reached { "yes" } else { "NO" }).into(),
            ]);
        }
        text.push_str(&table(&rows, &[4]));
        let reached = self.figures.iter().filter(|row| row.reached == Some(true)).count();
        let _ = writeln!(text, "\n{reached} of {} bars reached\n", self.figures.len());
        for experiment in &self.experiments {
            text.push_str(&experiment.text());
        }
        text
    }

    fn ran_first(&self) -> bool {
        let starts =
            || self.experiments.iter().flat_map(|it| &it.entrants).flat_map(|it| &it.starts);
        starts().any(|start| start.first)
    }

    /// Writes `results.json`, `table.txt` and the plots.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("results.json"), serde_json::to_string_pretty(self)?)?;
        fs::write(folder.join("table.txt"), self.text())?;
        for (name, svg) in self.plots() {
            fs::write(folder.join(format!("{name}.svg")), svg)?;
        }
        Ok(())
    }

    fn plots(&self) -> Vec<(String, String)> {
        let mut plots = Vec::new();
        for row in FIGURES {
            let Some(experiment) = self.experiments.iter().find(|it| it.id == row.experiment)
            else {
                continue;
            };
            if !row.ours.is_empty() || row.metric == "p99" {
                continue;
            }
            plots.push((experiment.id.to_string(), experiment.bars(row)));
        }
        let sizes = [
            ("8", 8.0),
            ("64", 64.0),
            ("1k", 1024.0),
            ("4k", 4096.0),
            ("64k", 65536.0),
            ("1m", 1048576.0),
        ];
        for (kind, title, metric, unit) in [
            ("trip", "Round trip between processes, median", "p50", Unit::Time),
            ("rate", "One way between processes", "bytes", Unit::Throughput),
        ] {
            let mut lines: BTreeMap<(bool, String), plot::Line> = BTreeMap::new();
            for (label, size) in sizes {
                let id = format!("{kind}-{label}-processes");
                let Some(experiment) = self.experiments.iter().find(|it| it.id == id) else {
                    continue;
                };
                for entrant in &experiment.entrants {
                    let Some(spread) = entrant.spread(metric, experiment.distance) else {
                        continue;
                    };
                    let key = (entrant.role != Role::Ours, entrant.name.clone());
                    let line = lines.entry(key).or_insert_with(|| plot::Line {
                        name: entrant.name.clone(),
                        points: Vec::new(),
                        style: entrant.role.into(),
                    });
                    line.points.push((size, spread.median));
                }
            }
            let lines: Vec<_> = lines.into_values().filter(|line| line.points.len() > 1).collect();
            if !lines.is_empty() {
                plots.push((
                    format!("{kind}-by-size"),
                    plot::lines(title, &lines, |it| unit.told(it)),
                ));
            }
        }
        plots
    }
}

impl From<Role> for Style {
    fn from(role: Role) -> Style {
        match role {
            Role::Ours => Style::OURS,
            Role::Peer | Role::Raw => Style::OTHER,
            Role::Limit => Style::LIMIT,
        }
    }
}

impl ExperimentResult {
    fn bars(&self, figure: &Figure) -> String {
        let mut bars: Vec<plot::Bar> = self
            .entrants
            .iter()
            .filter_map(|it| {
                let Spread { min, median, max } = it.spread(figure.metric, self.distance)?;
                Some(plot::Bar {
                    name: it.name.clone(),
                    value: median,
                    min,
                    max,
                    style: it.role.into(),
                })
            })
            .collect();
        bars.sort_by(|a, b| a.value.total_cmp(&b.value));
        if !figure.unit.less_is_better() {
            bars.reverse();
        }
        plot::bars(self.title, &bars, |value| figure.unit.told(value))
    }

    /// Every number of every entrant.
    fn text(&self) -> String {
        let mut text = format!("{}  [{}]", self.title, self.id);
        let starts: Vec<&Start> = self.entrants.iter().flat_map(|it| &it.starts).collect();
        let counted = starts.iter().filter(|start| self.distance.counts(start)).count();
        let which = match self.distance {
            Distance::Near => "two cores with a cache in common",
            Distance::OneCore => "HALVES OF ONE CORE, too few starts were on two that are near",
            Distance::Far => "FAR from each other, too few starts were on two that are near",
            Distance::Alone => "a core for itself",
            Distance::Shared => "HALF A CORE, too few starts had one for themselves",
            Distance::Mixed => "MIXED, too few starts were of any kind",
        };
        let _ = write!(text, "; processors: {which}, {counted} of {} starts", starts.len());
        text.push('\n');
        let mut rows =
            vec![["", "metric", "min", "median", "max", "starts"].map(String::from).to_vec()];
        for entrant in &self.entrants {
            if let Some(why) = &entrant.failure {
                let mut row = vec![entrant.name.clone(), format!("left out: {why}")];
                row.resize(6, String::new());
                rows.push(row);
            }
            let metrics: Vec<&String> =
                entrant.starts.first().map(|it| it.found.keys().collect()).unwrap_or_default();
            for metric in metrics {
                let unit = match metric.as_str() {
                    "rate" => Unit::Rate,
                    "bytes" => Unit::Throughput,
                    "mean" | "p50" | "p99" | "pair" => Unit::Time,
                    _ => continue,
                };
                let Some(Spread { min, median, max }) = entrant.spread(metric, self.distance)
                else {
                    continue;
                };
                rows.push(vec![
                    entrant.name.clone(),
                    metric.clone(),
                    unit.told(min),
                    unit.told(median),
                    unit.told(max),
                    entrant.count(self.distance).to_string(),
                ]);
            }
        }
        text.push_str(&table(&rows, &[2, 3, 4, 5]));
        text.push('\n');
        text
    }
}

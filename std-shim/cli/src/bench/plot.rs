//! Plots as plain SVG, in colours that can be told apart on a light and on a dark page.

use std::fmt::Write;

/// One bar: a name, its value, and the range of its whisker.
#[derive(Debug, Clone)]
pub struct Bar {
    pub name: String,
    pub value: f64,
    pub min: f64,
    pub max: f64,
    pub style: Style,
}

/// How a bar or a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub colour: &'static str,
    /// The lengths of its dashes and gaps; empty for a solid line.
    pub dashes: &'static str,
    pub is_ours: bool,
}

// `tests/bench` includes this file, too, and uses these styles; this program has a style for each
// mechanism.
#[allow(dead_code, reason = "as above")]
impl Style {
    pub const OURS: Style = Style { colour: "#d9480f", dashes: "", is_ours: true };
    pub const OTHER: Style = Style { colour: "#748ca3", dashes: "", is_ours: false };
    /// The best that the machine can do.
    pub const LIMIT: Style = Style { colour: "#2b8a3e", dashes: "", is_ours: false };
}

impl Style {
    fn dashes(self) -> String {
        match self.dashes {
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        }
    }
}

/// One line of a plot over sizes.
#[derive(Debug, Clone)]
pub struct Line {
    pub name: String,
    /// The points: a size in bytes, and a value.
    pub points: Vec<(f64, f64)>,
    pub style: Style,
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 200.0;
/// The width of the column of values.
const VALUE: f64 = 84.0;
const ROW: f64 = 22.0;
const TOP: f64 = 44.0;

/// Escapes what XML would take for markup.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn open(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"16\" font-weight=\"600\" fill=\"#222\">{title}</text>\n",
        title = escape(title)
    )
}

/// Bars beside their names and values, in the given order, on a scale from 0.
///
/// `write` writes a value with its unit. The value is in front of its bar: at the end of the bar,
/// it would look like the whisker's value.
pub fn bars(title: &str, bars: &[Bar], write: impl Fn(f64) -> String) -> String {
    let height = TOP + ROW * bars.len() as f64 + 10.0;
    let mut svg = open(title, height);
    let largest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let left = LEFT + VALUE;
    let room = (WIDTH - left) / 1.15;
    let at = |value: f64| left + room * (value / largest).clamp(0.0, 1.12);
    for (row, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let middle = y + ROW / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{base}\" text-anchor=\"end\" fill=\"#222\"{weight}>{name}</text>\
             <text x=\"{value_at}\" y=\"{base}\" text-anchor=\"end\" fill=\"#222\">{value}</text>\
             <rect x=\"{left}\" y=\"{top}\" width=\"{width:.1}\" height=\"{thick}\" fill=\"{colour}\"/>\
             <path d=\"M{min:.1} {middle}H{max:.1}\" stroke=\"#222\" stroke-width=\"1.5\"/>",
            x = LEFT - 8.0,
            base = middle + 4.5,
            value_at = left - 8.0,
            weight = if bar.style.is_ours { " font-weight=\"600\"" } else { "" },
            name = escape(&bar.name),
            top = y + 3.0,
            width = at(bar.value) - left,
            thick = ROW - 6.0,
            colour = bar.style.colour,
            min = at(bar.min),
            max = at(bar.max),
            value = escape(&write(bar.value)),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Lines over sizes in bytes, with both scales logarithmic. `write` writes a value with its unit.
pub fn lines(title: &str, lines: &[Line], write: impl Fn(f64) -> String) -> String {
    const BOTTOM: f64 = 380.0;
    let left = 90.0;
    let right = WIDTH - 190.0;
    let mut svg = open(title, BOTTOM + 50.0);
    let points = || lines.iter().flat_map(|line| &line.points);
    let range = |value: fn(&(f64, f64)) -> f64| {
        let seen = points().map(value).filter(|value| *value > 0.0);
        let (low, high) = seen.fold((f64::MAX, 0.0), |(l, h), v| (v.min(l), v.max(h)));
        if high > 0.0 { (low.log10(), high.log10()) } else { (0.0, 1.0) }
    };
    let (x_low, x_high) = range(|point| point.0);
    let (y_low, y_high) = range(|point| point.1);
    let (y_low, y_high) = (y_low.floor(), y_high.ceil().max(y_low.floor() + 1.0));
    let x = |size: f64| left + (right - left) * (size.log10() - x_low) / (x_high - x_low).max(0.1);
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * (value.log10() - y_low) / (y_high - y_low);
    for power in y_low as i32..=y_high as i32 {
        let value = 10_f64.powi(power);
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{end}\" y=\"{base:.1}\" text-anchor=\"end\" fill=\"#555\">{told}</text>",
            at = y(value),
            end = left - 8.0,
            base = y(value) + 4.5,
            told = escape(&write(value)),
        );
    }
    let mut sizes: Vec<f64> = points().map(|point| point.0).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    for size in sizes {
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{base}\" text-anchor=\"middle\" fill=\"#555\">{told}</text>",
            at = x(size),
            base = BOTTOM + 20.0,
            told = bytes(size),
        );
    }
    // Put each name beside the end of its line; move names apart where they come close.
    let mut names: Vec<(f64, &Line)> =
        lines.iter().filter_map(|line| Some((y(line.points.last()?.1), line))).collect();
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = TOP - 16.0;
    for (end, line) in names {
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(size, value)| format!("{:.1} {:.1}", x(*size), y(*value)))
            .collect();
        let at = end.max(lowest + 15.0);
        lowest = at;
        let last = line.points.last().map_or(right, |point| x(point.0));
        let _ = writeln!(
            svg,
            "<path d=\"M{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\"{dashes}/>\
             <path d=\"M{last:.1} {end:.1}L{to} {at:.1}\" stroke=\"#ccc\" fill=\"none\"/>\
             <text x=\"{text}\" y=\"{base:.1}\" fill=\"{colour}\"{weight}>{name}</text>",
            path = path.join("L"),
            colour = line.style.colour,
            thick = if line.style.is_ours { 3.0 } else { 1.5 },
            dashes = line.style.dashes(),
            to = right + 12.0,
            text = right + 16.0,
            base = at + 4.5,
            weight = if line.style.is_ours { " font-weight=\"600\"" } else { "" },
            name = escape(&line.name),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A size in bytes, with the largest unit that divides it.
pub fn bytes(size: f64) -> String {
    let size = size as u64;
    match size {
        _ if size >= 1 << 20 && size.is_multiple_of(1 << 20) => format!("{} MiB", size >> 20),
        _ if size >= 1 << 10 && size.is_multiple_of(1 << 10) => format!("{} KiB", size >> 10),
        _ => format!("{size} B"),
    }
}

/// A time in nanoseconds, with three digits and a fitting unit.
pub fn time(nanoseconds: f64) -> String {
    scaled(nanoseconds, &["ns", "µs", "ms", "s"])
}

/// A number per second, with three digits.
pub fn rate(number: f64) -> String {
    scaled(number, &["/s", " k/s", " M/s", " G/s"]).replace(" /s", "/s")
}

/// Bytes per second, with three digits.
pub fn throughput(number: f64) -> String {
    scaled(number, &["B/s", "kB/s", "MB/s", "GB/s"])
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let name = units.get(unit).copied().unwrap_or_default();
    format!("{value:.digits$} {}", name.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit() {
        assert_eq!(time(98.04), "98.0 ns");
        assert_eq!(time(3_600.0), "3.60 µs");
        assert_eq!(rate(7.1e8), "710 M/s");
        assert_eq!(throughput(6.05e10), "60.5 GB/s");
        assert_eq!(bytes(64.0), "64 B");
        assert_eq!(bytes(65536.0), "64 KiB");
        assert_eq!(bytes(1048576.0), "1 MiB");
    }

    #[test]
    fn bar_value_is_not_at_its_whisker_end() {
        let bar = Bar { name: "x".into(), value: 2.0, min: 2.0, max: 2.2, style: Style::OURS };
        let svg = bars("whisker", &[bar], time);
        let at = |after: &str| -> f64 {
            let (_, rest) = svg.rsplit_once(after).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        // The last text is the value; it ends before the bar begins.
        assert!(at("<text x=\"") < at("<rect x=\""), "{svg}");
    }

    #[test]
    fn plot_is_well_formed_with_any_names() {
        let bar =
            Bar { name: "a<b&\"c\"".into(), value: 2.0, min: 1.0, max: 3.0, style: Style::OURS };
        let svg = bars("<title>", &[bar], time);
        assert!(svg.contains("a&lt;b&amp;&quot;c&quot;") && svg.contains("&lt;title&gt;"), "{svg}");
        let line = Line {
            name: "x".into(),
            points: vec![(8.0, 100.0), (64.0, 90.0)],
            style: Style::OTHER,
        };
        let svg = lines("sizes", &[line], time);
        assert!(svg.contains("64 B") && !svg.contains("NaN"), "{svg}");
        assert!(!lines("nothing", &[], time).contains("NaN"));
        assert!(!bars("nothing", &[], time).contains("NaN"));
    }
}

//! Pictures of numbers: paths over a plane of 1000 by 400 that is stretched to its place, with the words
//! beside it, so that they keep their size on every screen; and the same as a table.

/// One or more shapes of the same kind.
#[derive(Debug, Clone)]
pub struct Shape {
    /// What it stands for; the style sheet knows how that looks.
    pub kind: &'static str,
    /// Its outline.
    pub path: String,
}

/// A picture with its table.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Tells the charts of a page apart.
    pub id: String,
    /// What a reader who cannot see it hears.
    pub label: String,
    /// Words at the left, from the top down, at even distances.
    pub y: Vec<String>,
    /// Words below, from the left, at even distances.
    pub x: Vec<String>,
    /// What is drawn, in this order.
    pub shapes: Vec<Shape>,
    /// What the shapes mean: kind and words.
    pub keys: Vec<(&'static str, String)>,
    /// The words of its table's button.
    pub table: String,
    /// The heads of its table.
    pub heads: Vec<String>,
    /// The rows of its table.
    pub rows: Vec<Vec<String>>,
}

/// Width of the plane.
pub const WIDTH: f64 = 1_000.0;
/// Height of the plane.
pub const HEIGHT: f64 = 400.0;

/// Places numbers on the plane; those beyond its ends lie on its edge.
#[derive(Debug, Clone, Copy)]
pub struct Plane {
    /// What lies at the left and at the right edge.
    pub x: (f64, f64),
    /// What lies at the bottom and at the top.
    pub y: (f64, f64),
}

impl Plane {
    fn place(value: f64, (from, to): (f64, f64), length: f64) -> f64 {
        let part = if to > from { (value - from) / (to - from) } else { 0.5 };
        (part * length).clamp(0.0, length)
    }

    /// A point as a path takes it: "12.5 300".
    pub fn point(&self, x: f64, y: f64) -> String {
        let (x, y) = (Self::place(x, self.x, WIDTH), HEIGHT - Self::place(y, self.y, HEIGHT));
        format!("{x:.1} {y:.1}")
    }

    /// The point at the left edge.
    pub const fn left(&self, y: f64) -> (f64, f64) {
        (self.x.0, y)
    }

    /// A line through these points.
    pub fn line(&self, points: &[(f64, f64)]) -> String {
        let points: Vec<_> = points.iter().map(|(x, y)| self.point(*x, *y)).collect();
        if points.is_empty() { String::new() } else { format!("M{}", points.join("L")) }
    }

    /// A dot: a line of no length, which the style sheet gives a round pen.
    pub fn dot(&self, x: f64, y: f64) -> String {
        format!("M{}h0.01", self.point(x, y))
    }
}

/// A shape of this kind for the key below the picture.
pub fn key_path(kind: &str) -> &'static str {
    match kind {
        "dot" | "small-dot" => "M12 6h0.01",
        "band" => "M0 1H24V11H0z",
        _ => "M0 6H24",
    }
}

/// Bars of these heights side by side, the highest as high as the plane.
pub fn bars(counts: &[u64]) -> String {
    let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let most = float(counts.iter().copied().max().unwrap_or(0)).max(1.0);
    let width = WIDTH / float(counts.len() as u64).max(1.0);
    let bar = |(place, count): (u64, &u64)| {
        // Few among many are seen, too.
        let height = (float(*count) / most * HEIGHT).max(4.0);
        let (left, top) = (width * (float(place) + 0.08), HEIGHT - height);
        format!("M{left:.1} {HEIGHT}V{top:.1}h{:.1}V{HEIGHT}z", width * 0.84)
    };
    (0..).zip(counts).filter(|(_, count)| **count > 0).map(bar).collect()
}

/// The least round number that is no smaller: 1, 2 or 5 times a power of ten, or a part of an hour.
pub fn round_up(secs: f64) -> f64 {
    const ROUND: [f64; 15] = [
        5.0,
        10.0,
        15.0,
        30.0,
        60.0,
        120.0,
        300.0,
        600.0,
        1_800.0,
        3_600.0,
        7_200.0,
        21_600.0,
        86_400.0,
        604_800.0,
        2_592_000.0,
    ];
    ROUND
        .into_iter()
        .find(|round| *round >= secs)
        .unwrap_or_else(|| (secs / 2_592_000.0).ceil() * 2_592_000.0)
}

impl Chart {
    /// A clock that was seen five times.
    #[cfg(test)]
    pub fn sample() -> Self {
        let plane = Plane { x: (0.0, 10.0), y: (-60.0, 60.0) };
        Self {
            id: "clock".into(),
            label: "Clock 12 s slow, fine until about March 2029.".into(),
            y: ["60 s", "30 s", "0", "-30 s", "-60 s"].map(str::to_owned).to_vec(),
            x: ["3 May 2025", "1 January 2027", "March 2029"].map(str::to_owned).to_vec(),
            shapes: vec![
                Shape {
                    kind: "band",
                    path: format!(
                        "{}z",
                        plane.line(&[(0.0, 20.0), (8.0, -10.0), (10.0, -10.0), (10.0, -50.0), (0.0, -10.0)])
                    ),
                },
                Shape { kind: "line", path: plane.line(&[(0.0, 5.0), (4.0, -12.0)]) },
                Shape { kind: "forecast", path: plane.line(&[(4.0, -12.0), (10.0, -42.0)]) },
                Shape { kind: "dot", path: plane.dot(1.0, 0.0) + &plane.dot(4.0, -13.0) },
                Shape { kind: "small-dot", path: plane.dot(2.0, -6.0) + &plane.dot(3.0, -4.0) },
            ],
            keys: vec![("line", "fitted line".into()), ("band", "window of checks".into())],
            table: "Show as table".into(),
            heads: ["Seen", "Offset", "By"].map(str::to_owned).to_vec(),
            rows: vec![["3 May 2025", "5 s fast", "consecutive codes"].map(str::to_owned).to_vec()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_the_plane_lie_on_its_edge() {
        let plane = Plane { x: (0.0, 10.0), y: (-1.0, 1.0) };
        assert_eq!(plane.point(5.0, 0.0), "500.0 200.0");
        assert_eq!(plane.point(-3.0, 9.0), "0.0 0.0");
        assert_eq!(plane.line(&[(0.0, -1.0), (10.0, 1.0)]), "M0.0 400.0L1000.0 0.0");
        assert_eq!(plane.line(&[]), "");
    }

    #[test]
    fn the_highest_bar_fills_the_plane_and_none_is_lost() {
        let path = bars(&[0, 1, 100_000]);
        assert_eq!(path.matches('M').count(), 2);
        assert!(path.contains("V0.0") && path.contains("V396.0"), "{path}");
    }

    #[test]
    fn scales_are_round() {
        let scales =
            [(3.0, 5.0), (31.0, 60.0), (61.0, 120.0), (4_000.0, 7_200.0), (3_000_000.0, 5_184_000.0)];
        for (longest, scale) in scales {
            assert!((round_up(longest) - scale).abs() < f64::EPSILON, "{longest}: {}", round_up(longest));
        }
    }
}

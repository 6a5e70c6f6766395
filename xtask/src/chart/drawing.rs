//! The picture: both axes logarithmic, a line for each daemon and question, readable on a bright and on a dark page.
#![expect(clippy::float_arithmetic, reason = "places on paper")]

use std::{error::Error, path::Path};

use anyhow::{Result, anyhow};
use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoFont, IntoLogRange, LineSeries, RGBColor, SVGBackend,
    SeriesLabelPosition, WHITE,
};

use super::Line;

const SIZE: (u32, u32) = (880, 500);
const FONT: &str = "sans-serif";
/// Names of the lines in the order of [`Line::times`], with their colours.
const SERIES: [(&str, RGBColor); 4] = [
    ("regent, ping", RGBColor(0, 90, 200)),
    ("regent, ARP", RGBColor(90, 170, 240)),
    ("keepalived, ping", RGBColor(190, 60, 20)),
    ("keepalived, ARP", RGBColor(240, 160, 90)),
];

/// Draws the lines into a file.
///
/// # Errors
/// When there are none, or the file cannot be written.
pub fn draw(path: &Path, lines: &[Line]) -> Result<()> {
    // The library's errors do not cross threads; their words do.
    try_to_draw(path, lines).map_err(|error| anyhow!("{error}"))
}

fn try_to_draw(path: &Path, lines: &[Line]) -> Result<(), Box<dyn Error>> {
    let times = lines.iter().flat_map(|line| line.times);
    let (Some(most), Some(longest), Some(shortest)) =
        (lines.iter().map(|line| line.addresses).max(), times.clone().max(), times.min())
    else {
        return Err("no figures".into());
    };
    let paper = SVGBackend::new(path, SIZE).into_drawing_area();
    paper.fill(&WHITE)?;
    let heights = milliseconds(shortest) / 2.0..milliseconds(longest) * 2.0;
    let mut chart = ChartBuilder::on(&paper)
        .margin(16)
        .caption("Takeover: until every virtual address answers", (FONT, 20))
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d((1.0..f64::from(most) * 1.15).log_scale(), heights.log_scale())?;
    chart
        .configure_mesh()
        .x_desc("virtual addresses")
        .y_desc("ms past the down timer")
        .x_label_formatter(&|addresses| thousands(*addresses))
        .y_label_formatter(&|milliseconds| thousands(*milliseconds))
        .axis_desc_style((FONT, 15).into_font())
        .label_style((FONT, 13).into_font())
        .light_line_style(WHITE)
        .draw()?;
    for (at, (name, colour)) in SERIES.into_iter().enumerate() {
        let points: Vec<(f64, f64)> = lines
            .iter()
            .filter_map(|line| Some((f64::from(line.addresses), milliseconds(*line.times.get(at)?))))
            .collect();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| {
                plotters::prelude::PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(3))
            });
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(RGBColor(200, 200, 200))
        .label_font((FONT, 14).into_font())
        .draw()?;
    paper.present()?;
    Ok(())
}

fn milliseconds(microseconds: u64) -> f64 {
    // No takeover takes longer than a u32 of microseconds, an hour.
    f64::from(u32::try_from(microseconds).unwrap_or(u32::MAX)) / 1_000.0
}

/// `10,000`, `0.5`: as a person writes it.
fn thousands(number: f64) -> String {
    let text = number.to_string();
    match text.len() {
        5.. if !text.contains('.') => format!("{},{}", &text[..text.len() - 3], &text[text.len() - 3..]),
        4 if !text.contains('.') => format!("{},{}", &text[..1], &text[1..]),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_every_line_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chart.svg");
        let lines = [
            Line { addresses: 1, times: [400, 380, 420, 430] },
            Line { addresses: 10_000, times: [80_000, 40_000, 1_300_000, 1_500_000] },
        ];
        draw(&path, &lines).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for (name, _) in SERIES {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert!(text.contains("10,000"), "{text}");
        assert!(draw(&path, &[]).is_err());
    }

    #[test]
    fn numbers_are_written_as_a_person_does() {
        assert_eq!([1.0, 0.1, 1_000.0, 10_000.0].map(thousands), ["1", "0.1", "1,000", "10,000"]);
    }
}

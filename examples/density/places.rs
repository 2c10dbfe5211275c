//! Places of events.

use std::error::Error;
use std::path::Path;

use enfold::data::csv::{self, CsvOptions};

/// Radius of the globe in kilometres.
const GLOBE: f64 = 6371.0;

/// A place, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) latitude: f32,
    pub(crate) longitude: f32,
}

impl Place {
    /// As a point in space: straight distances in kilometres, 1 % short of those on the ground
    /// at 3 000 km.
    pub(crate) fn on_the_globe(&self) -> [f32; 3] {
        let (sin, cos) = f64::from(self.latitude).to_radians().sin_cos();
        let (east, along) = f64::from(self.longitude).to_radians().sin_cos();
        [GLOBE * cos * along, GLOBE * cos * east, GLOBE * sin].map(|v| v as f32)
    }
}

/// The places of both actors of every event, each once.
pub(crate) fn read(path: &Path) -> Result<Vec<Place>, Box<dyn Error>> {
    let names = csv::CsvBatches::open(path, CsvOptions::default())?.names().to_vec();
    let column = |name: &str| {
        let at = names.iter().position(|n| n == name);
        at.ok_or_else(|| format!("{}: no column {name}", path.display()))
    };
    let mut pairs = Vec::new();
    for actor in ["Actor1", "Actor2"] {
        let [lat, long] = ["Lat", "Long"].map(|what| column(&format!("{actor}Geo_{what}")));
        pairs.push((lat?, long?));
    }
    let table = csv::read_table(path, CsvOptions::default())?;
    let rows = table.rows();
    let place = |i: usize, (lat, long): (usize, usize)| {
        let row = rows.row(i);
        Place { latitude: row[lat], longitude: row[long] }
    };
    let mut places: Vec<Place> =
        (0..rows.len()).flat_map(|i| pairs.iter().map(move |&pair| place(i, pair))).collect();
    places.sort_unstable_by(|a, b| {
        a.latitude.total_cmp(&b.latitude).then(a.longitude.total_cmp(&b.longitude))
    });
    places.dedup();
    Ok(places)
}

//! Where in the world is the news? DBSCAN on the places of GDELT events.
//!
//! Takes the places of both actors of every event, each place once, as points of the globe in
//! kilometres. The k-distance curve says how far apart places usually are, its knee is the
//! radius, and DBSCAN finds the regions that are dense at that radius – none of them round, and
//! nobody said how many. Draws the curve and the map.
//!
//! ```sh
//! cargo run --release --example density
//! cargo run --release --example density -- --eps 300 --min-samples 8
//! ```

mod picture;
mod places;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use enfold::neighbors::k_distances;
use enfold::select::{self, Reach};
use enfold::{Cpu, Dbscan, Metric, NONE, Rows};

use places::Place;

/// Finds the dense regions of a set of places.
#[derive(Debug, Parser)]
#[command(about)]
struct Args {
    /// Events with columns `Actor1Geo_Lat`, `Actor1Geo_Long`, and the same for the second actor
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/gdelt_train26.csv"), hide_default_value = true)]
    file: PathBuf,
    /// Places that a core place has within the radius, itself included
    #[arg(long, default_value_t = 5)]
    min_samples: usize,
    /// The radius in kilometres; the knee of the k-distance curve if absent
    #[arg(long)]
    eps: Option<f64>,
    /// Where the picture goes
    #[arg(long, default_value = "target/density")]
    out: PathBuf,
}

fn main() {
    if let Err(e) = run(&Args::parse()) {
        eprintln!("error: {e}");
        std::process::exit(1);
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let places = places::read(&args.file)?;
    let points: Vec<f32> = places.iter().flat_map(Place::on_the_globe).collect();
    let (cpu, rows) = (Cpu::new(), Rows::new(&points[..], 3)?);
    let others = args.min_samples.saturating_sub(1).max(1);
    let curve = k_distances(&cpu, rows, Metric::Euclidean, others)?;
    let reach = Reach::new(curve.into_iter().map(f64::from));
    let knee = reach.knee();
    match knee {
        Some(knee) => println!("{} places; the curve turns at {knee:.0} km", places.len()),
        None => println!("{} places; the curve has no knee: no radius stands out", places.len()),
    }
    let eps = args.eps.or(knee).ok_or("no radius: give one with --eps")?;
    around(&cpu, rows, eps, args.min_samples)?;
    let fit = Dbscan::new(eps, args.min_samples).fit(&cpu, rows)?;
    describe(&places, &fit.labels, fit.model.clusters());

    std::fs::create_dir_all(&args.out)?;
    let path = args.out.join("density.svg");
    let (places, labels) = (&places[..], &fit.labels[..]);
    picture::Story { places, labels, reach: &reach, eps, nth: others }.draw(&path)?;
    println!("picture: {}", path.display());
    Ok(())
}

/// What other radii would give.
fn around(
    cpu: &Cpu<f32>,
    rows: Rows<'_, [f32]>,
    eps: f64,
    min_samples: usize,
) -> Result<(), Box<dyn Error>> {
    let radii: Vec<f64> = [0.25, 0.5, 1.0, 2.0, 4.0].iter().map(|f| f * eps).collect();
    let largest = |labels: &[u32]| {
        let mut sizes = vec![0u32; labels.len()];
        labels.iter().filter(|&&l| l != NONE).for_each(|&l| sizes[l as usize] += 1);
        sizes.into_iter().max().map_or(0.0, f64::from)
    };
    let table = select::densities(cpu, rows, &radii, &[min_samples], Dbscan::new, largest)?;
    println!("\n  radius km   regions   largest   alone");
    for row in table {
        let (eps, regions, largest, alone) = (row.eps, row.clusters, row.score, row.noise);
        println!("  {eps:9.0}   {regions:7}   {largest:7.0}   {alone:5}");
    }
    Ok(())
}

/// The largest regions and where they are.
fn describe(places: &[Place], labels: &[u32], clusters: u32) {
    let of = |c: u32| places.iter().zip(labels).filter(move |p| *p.1 == c).map(|p| p.0);
    let mut regions: Vec<(usize, u32)> = (0..clusters).map(|c| (of(c).count(), c)).collect();
    regions.sort_unstable_by_key(|&(size, c)| (usize::MAX - size, c));
    println!("\n{clusters} regions; the largest:");
    for &(size, c) in regions.iter().take(8) {
        let range = |value: fn(&Place) -> f32| {
            let values = || of(c).map(value);
            let (low, high) =
                (values().fold(f32::MAX, f32::min), values().fold(f32::MIN, f32::max));
            format!("{low:7.1} to {high:6.1}")
        };
        let (lat, long) = (range(|p| p.latitude), range(|p| p.longitude));
        println!("  {size:4} places, latitude {lat}, longitude {long}");
    }
}

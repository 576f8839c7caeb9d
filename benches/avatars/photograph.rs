//! A picture with what costs time in a photograph: shapes of every size, edges, and the noise of a sensor. The same each time.

use image::RgbImage;

/// 4,000 by 3,000 pixels.
pub fn photograph() -> RgbImage {
    let bands = [1, 2, 3].map(clouds);
    let mut noise = Random(7);
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let at = (y * WIDTH + x) as usize;
        // Of four values, so that most are small.
        let grain = (0..4).map(|_| noise.next() * 6.0).sum::<f32>();
        // A few sharp outlines through the clouds.
        let light = if bands[0][at] + bands[1][at] > 0.1 { 150.0 } else { 105.0 };
        image::Rgb([0, 1, 2].map(|band| (light + 90.0 * bands[band][at] + grain).clamp(0.0, 255.0) as u8))
    })
}

const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;

/// Noise of ten octaves, each half as wide and half as strong as the one before: how nature looks, more or less.
fn clouds(seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let mut sum = vec![0.0; (WIDTH * HEIGHT) as usize];
    for octave in 0..10 {
        let (cell, strength) = (1024 >> octave, 0.5_f32.powi(octave));
        let columns = (WIDTH / cell + 2) as usize;
        let knots: Vec<f32> = (0..columns * (HEIGHT / cell + 2) as usize).map(|_| random.next()).collect();
        for y in 0..HEIGHT {
            let (row, down) = ((y / cell) as usize * columns, smooth(y % cell, cell));
            for x in 0..WIDTH {
                let (at, right) = (row + (x / cell) as usize, smooth(x % cell, cell));
                let mix = |a: usize| knots[a] * (1.0 - right) + knots[a + 1] * right;
                sum[(y * WIDTH + x) as usize] += strength * (mix(at) * (1.0 - down) + mix(at + columns) * down);
            }
        }
    }
    sum
}

fn smooth(part: u32, whole: u32) -> f32 {
    let at = part as f32 / whole as f32;
    at * at * (3.0 - 2.0 * at)
}

struct Random(u64);

impl Random {
    /// From -1 to 1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

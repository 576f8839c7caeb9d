//! How like two pictures are.

use image::RgbImage;

/// Peak signal to noise, in decibels, over all three colours.
pub fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    let squares = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    10.0 * (255.0 * 255.0 * a.as_raw().len() as f64 / squares.sum::<f64>()).log10()
}

/// Structural similarity of the brightness: the mean over windows of eight by eight, four apart. (Wang, Bovik, Sheikh,
/// Simoncelli: Image Quality Assessment, 2004.)
pub fn ssim(a: &RgbImage, b: &RgbImage) -> f64 {
    const WINDOW: u32 = 8;
    let starts = |length: u32| (0..=length - WINDOW).step_by(4);
    let windows = starts(a.height()).flat_map(|y| starts(a.width()).map(move |x| (x, y)));
    let values: Vec<f64> = windows.map(|(x, y)| window(a, b, x, y, WINDOW)).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn window(a: &RgbImage, b: &RgbImage, left: u32, top: u32, side: u32) -> f64 {
    let (steady_mean, steady_variance) = ((0.01_f64 * 255.0).powi(2), (0.03_f64 * 255.0).powi(2));
    let (mut sum_a, mut sum_b, mut squares_a, mut squares_b, mut products) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in (0..side * side).map(|i| (left + i % side, top + i / side)) {
        let (a, b) = (brightness(a, x, y), brightness(b, x, y));
        sum_a += a;
        sum_b += b;
        squares_a += a * a;
        squares_b += b * b;
        products += a * b;
    }
    let n = f64::from(side * side);
    let (mean_a, mean_b) = (sum_a / n, sum_b / n);
    let (variance_a, variance_b) = (squares_a / n - mean_a * mean_a, squares_b / n - mean_b * mean_b);
    let covariance = products / n - mean_a * mean_b;
    (2.0 * mean_a * mean_b + steady_mean) * (2.0 * covariance + steady_variance)
        / ((mean_a * mean_a + mean_b * mean_b + steady_mean) * (variance_a + variance_b + steady_variance))
}

fn brightness(picture: &RgbImage, x: u32, y: u32) -> f64 {
    let [red, green, blue] = picture.get_pixel(x, y).0.map(f64::from);
    0.299 * red + 0.587 * green + 0.114 * blue
}

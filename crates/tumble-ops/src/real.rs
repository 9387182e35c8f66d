//! The element types of real tensors: f32 and f64.

use ort::value::PrimitiveTensorElementType;

/// A floating-point element type of a model's tensors.
pub trait Real: PrimitiveTensorElementType + Copy + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// Rounds to the nearest value of this type.
    fn from_f64(x: f64) -> Self;
    /// Converts to f64, exactly.
    fn to_f64(self) -> f64;
}

impl Real for f32 {
    #[inline]
    fn from_f64(x: f64) -> Self {
        x as f32
    }
    #[inline]
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl Real for f64 {
    #[inline]
    fn from_f64(x: f64) -> Self {
        x
    }
    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
}

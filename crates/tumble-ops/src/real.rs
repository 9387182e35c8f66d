//! Numbers of tensors.

use ort::value::PrimitiveTensorElementType;

/// The precision of a model's tensors.
pub trait Real: PrimitiveTensorElementType + Copy + Send + Sync + std::fmt::Debug + 'static {
    /// The nearest number of this precision.
    fn from_f64(x: f64) -> Self;
    /// The same number.
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

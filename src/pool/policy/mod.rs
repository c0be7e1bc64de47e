//! Policies: which records are sampled, which go, and who has to wait. Each is a value that a pool is
//! created with, kept in the header of its segment; what they do stands in the files of the pool that ask
//! them. Touches nothing.

mod rate_limiter;
mod remover;
mod sampler;

pub use rate_limiter::RateLimiter;
pub use remover::Remover;
pub(crate) use sampler::Preference;
pub use sampler::Sampler;

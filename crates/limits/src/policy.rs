use core_domain::RateLimit;

/// What an address may ask without a credential.
pub const ANONYMOUS: RateLimit = RateLimit { per_minute: 60, burst_percent: 0 };

/// How often an address may show a credential that opens nothing.
pub const FAILED_CREDENTIALS: RateLimit = RateLimit { per_minute: 60, burst_percent: 0 };

/// What an address may ask of each of the pixel's routes.
pub const PIXEL: RateLimit = RateLimit { per_minute: 300, burst_percent: 0 };

//! Foundations.

//! A Kubernetes cluster on one machine, for tests: a real control plane from its Go modules, and a node that turns pods
//! into processes. The program `bed` brings it up in namespaces of its own; a test inside asks for it by
//! [`bed::Bed::from_env`].

mod access;
pub mod args;
pub mod audit;
pub mod bed;
pub mod command;
pub mod component;
pub mod condition;
pub mod control;
mod control_plane;
mod crds;
pub mod echo;
pub mod enter;
pub mod fault;
pub mod folder;
mod images;
pub mod inside;
pub mod installation;
pub mod inventory;
pub mod kubectl;
pub mod node;
pub mod pki;
mod process;
mod progress;
mod signal;
pub mod until;

//! Who this controller is, for the lease.

use std::fs;

use crate::args::ControllerArgs;
use crate::lease::Holder;

/// The pod's name, else one of host name and process id; and where others reach this process, as far as that is known.
pub(super) fn holder(args: &ControllerArgs) -> Holder {
    let name = args.pod_name.clone().unwrap_or_else(|| {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}-{}", host.trim(), std::process::id())
    });
    let ip = args.pod_address.or_else(|| Some(args.listen.ip()).filter(|ip| !ip.is_unspecified()));
    Holder { name, address: ip.map(|ip| (ip, args.listen.port()).into()) }
}

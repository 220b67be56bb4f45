//! Exit codes, and which one a stable code ends with.

use std::process::ExitCode;

/// How a command ends. The numbers are a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// A fault of the program, the machine or the node.
    Fault = 1,
    /// The command or its input is wrong.
    Usage = 2,
    /// Checked, and invalid or revoked.
    Invalid = 3,
    /// There is no such thing.
    NotFound = 4,
    /// The node was not reached, did not answer in time, or cannot answer what another can.
    Unreachable = 5,
    /// Denied: a role, mandate or rule of the ledger is against it.
    Denied = 6,
    /// Refused as unsafe.
    Unsafe = 7,
    /// Submitted, and not final yet.
    Pending = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The exit of a stable code: a contract's (`E415`), the interface's (`api.…`), or the
    /// program's own (`cli.…`).
    pub fn of_code(code: &str) -> Self {
        match code.strip_prefix('E').and_then(|number| number.parse::<u16>().ok()) {
            Some(number) => Self::of_number(number),
            None => Self::of_name(code),
        }
    }

    /// What is unknown is not found; what would endanger the ledger is unsafe; every other
    /// refusal denies.
    fn of_number(number: u16) -> Self {
        match number {
            104 | 211 | 212 | 229 | 318 | 334 | 404 | 405 | 416 | 419 | 504 | 517 | 524 | 526 => {
                Self::NotFound
            }
            204 | 214 | 226 | 233 => Self::Unsafe,
            _ => Self::Denied,
        }
    }

    fn of_name(code: &str) -> Self {
        match code {
            code if super::licence::is_licence_code(code) => Self::Usage,
            "api.not_found" | "cli.not_found" | "cli.no_key" | "cli.no_demo" | "cli.no_config"
            | "cli.no_data_dir" | "cli.no_file" | "cli.no_font" | "cli.no_genesis"
            | "cli.no_scenario" | "cli.no_vault" | "cli.unknown_code" | "cli.audit_question" => {
                Self::NotFound
            }
            "api.bad_request"
            | "api.unknown_field"
            | "api.too_large"
            | "api.height_in_future"
            | "cli.audit_parameter"
            | "cli.audit_parameter_missing"
            | "cli.usage"
            | "cli.needs"
            | "cli.which"
            | "cli.no_passphrase"
            | "cli.bad_passphrase"
            | "cli.input"
            | "cli.config"
            | "cli.export_part"
            | "cli.tls" => Self::Usage,
            "api.unauthorised" | "api.forbidden" | "api.signature" | "cli.passphrase" => {
                Self::Denied
            }
            code if code.starts_with("api.mandate_") => Self::Denied,
            "api.busy" | "api.timeout" | "api.unavailable" | "api.pruned" | "cli.unreachable" => {
                Self::Unreachable
            }
            "cli.invalid" | "cli.fork" | "cli.stale" | "cli.genesis" | "cli.presentation"
            | "cli.audit_failed" | "cli.blocks_damaged" => Self::Invalid,
            "cli.canceled" | "cli.conflict" | "cli.folder_in_use" | "cli.needs_terminal"
            | "cli.node_runs" | "cli.log_missing" => Self::Unsafe,
            "cli.not_final" => Self::Pending,
            _ => Self::Fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers() {
        for (code, number) in [
            ("E415", 6),
            ("E106", 6),
            ("E318", 4),
            ("E214", 7),
            ("api.not_found", 4),
            ("api.timeout", 5),
            ("api.pruned", 5),
            ("api.unauthorised", 6),
            ("api.height_in_future", 2),
            ("api.internal", 1),
            ("cli.usage", 2),
            ("cli.invalid", 3),
            ("cli.fork", 3),
            ("cli.stale", 3),
            ("cli.unreachable", 5),
            ("cli.conflict", 7),
            ("cli.not_final", 8),
            ("cli.fault", 1),
            ("what", 1),
        ] {
            assert_eq!(Exit::of_code(code).number(), number, "{code}");
        }
    }

    #[test]
    fn every_code_of_the_program_is_placed() {
        let faults = [
            "cli.bad_answer",
            "cli.bench",
            "cli.bench_disagrees",
            "cli.check_failed",
            "cli.bench",
            "cli.bench_disagrees",
            "cli.bench_lost",
            "cli.demo_disagrees",
            "cli.demo_state",
            "cli.disk_full",
            "cli.disk_readonly",
            "cli.fault",
            "cli.file",
            "cli.halted",
            "cli.journal",
            "cli.key",
            "cli.node_key",
            "cli.own_signature",
            "cli.port_in_use",
            "cli.report",
            "cli.scenario",
            "cli.vault",
        ];
        for code in crate::text::CLI_CODES {
            let fault = Exit::of_code(code) == Exit::Fault;
            assert_eq!(fault, faults.contains(code), "{code}");
        }
    }
}

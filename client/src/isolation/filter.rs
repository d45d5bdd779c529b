//! The system calls that an isolated command does not get, as a program for the kernel's filter (seccomp(2), classic BPF).
//!
//! A terminal takes input from whoever has it open (`TIOCSTI`, `TIOCLINUX`): a command could type into the shell from which it was
//! started. A session of its own would prevent that, and with it that the command gets the terminal's signals. And the kernel's keyrings
//! belong to a user and a login, and to no namespace.

/// How a machine's processor numbers its system calls: `AUDIT_ARCH_…` (linux/audit.h), `ioctl`, and the three of keyrings
/// (`add_key`, `request_key`, `keyctl`).
struct Numbering {
    architecture: u32,
    ioctl: u32,
    keyrings: [u32; 3],
}

/// Those that the kernel of this machine can serve: its own, and that of 32-bit programs.
const NUMBERINGS: &[Numbering] = if cfg!(target_arch = "x86_64") {
    &[
        Numbering { architecture: 0xc000_003e, ioctl: 16, keyrings: [248, 249, 250] },
        Numbering { architecture: 0x4000_0003, ioctl: 54, keyrings: [286, 287, 288] },
    ]
} else if cfg!(target_arch = "aarch64") {
    &[
        Numbering { architecture: 0xc000_00b7, ioctl: 29, keyrings: [217, 218, 219] },
        Numbering { architecture: 0x4000_0028, ioctl: 54, keyrings: [309, 310, 311] },
    ]
} else if cfg!(target_arch = "riscv64") {
    &[Numbering { architecture: 0xc000_00f3, ioctl: 29, keyrings: [217, 218, 219] }]
} else {
    &[]
};

/// Numbers with this bit are those of the x32 ABI on x86-64, and no system call elsewhere.
const X32: u32 = 0x4000_0000;

const TIOCSTI: u32 = 0x5412;
const TIOCLINUX: u32 = 0x541c;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The lower half of the second argument, on machines that put it first. The kernel looks at no more of a request to a terminal.
const REQUEST: u32 = 24;

/// Codes of instructions (linux/bpf_common.h).
const LOAD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// `SECCOMP_RET_ALLOW`, and `SECCOMP_RET_ERRNO` with EPERM and with ENOSYS.
const ALLOW: u32 = 0x7fff_0000;
const REFUSE: u32 = 0x0005_0001;
const UNKNOWN: u32 = 0x0005_0026;

struct Instruction {
    code: u16,
    /// The numbers of instructions to be left out if a condition holds, and if not.
    then: u8,
    otherwise: u8,
    operand: u32,
}

const fn statement(code: u16, operand: u32) -> Instruction {
    Instruction { code, then: 0, otherwise: 0, operand }
}

const fn jump(code: u16, operand: u32, then: u8, otherwise: u8) -> Instruction {
    Instruction { code, then, otherwise, operand }
}

/// The filter as the kernel reads it, or `None` for a processor whose numbers are not known here.
pub(super) fn program() -> Option<Vec<u8>> {
    let mut program = vec![statement(LOAD, ARCHITECTURE)];
    for Numbering { architecture, ioctl, keyrings } in NUMBERINGS {
        program.extend([
            // Each numbering has eleven instructions after this one.
            jump(JUMP_IF_EQUAL, *architecture, 0, 11),
            statement(LOAD, NUMBER),
            jump(JUMP_IF_AT_LEAST, X32, 7, 0),
            jump(JUMP_IF_EQUAL, keyrings[0], 6, 0),
            jump(JUMP_IF_EQUAL, keyrings[1], 5, 0),
            jump(JUMP_IF_EQUAL, keyrings[2], 4, 0),
            jump(JUMP_IF_EQUAL, *ioctl, 0, 4),
            statement(LOAD, REQUEST),
            jump(JUMP_IF_EQUAL, TIOCSTI, 1, 0),
            jump(JUMP_IF_EQUAL, TIOCLINUX, 0, 1),
            statement(RETURN, REFUSE),
            statement(RETURN, ALLOW),
        ]);
    }
    // A numbering that is not known.
    program.push(statement(RETURN, UNKNOWN));
    let bytes = |instruction: &Instruction| {
        let [first, second] = instruction.code.to_ne_bytes();
        let [a, b, c, d] = instruction.operand.to_ne_bytes();
        [first, second, instruction.then, instruction.otherwise, a, b, c, d]
    };
    (!NUMBERINGS.is_empty()).then(|| program.iter().flat_map(bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do with a call, as far as this program has it.
    fn outcome(call: [(u32, u32); 3]) -> u32 {
        let program = program().unwrap();
        let instructions: Vec<&[u8]> = program.chunks(8).collect();
        let word = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().unwrap());
        let (mut next, mut loaded) = (0, 0);
        loop {
            let [code, _, then, otherwise, ..] = *instructions[next] else { unreachable!() };
            let operand = word(&instructions[next][4..]);
            next += 1;
            match u16::from(code) {
                LOAD => loaded = call.iter().find(|(offset, _)| *offset == operand).unwrap().1,
                RETURN => return operand,
                JUMP_IF_EQUAL => next += usize::from(if loaded == operand { then } else { otherwise }),
                JUMP_IF_AT_LEAST => next += usize::from(if loaded >= operand { then } else { otherwise }),
                _ => unreachable!(),
            }
        }
    }

    #[test]
    fn typing_into_terminals_and_keyrings_are_refused_in_every_numbering_and_nothing_else() {
        for numbering in NUMBERINGS {
            let call = |number, request| {
                outcome([(ARCHITECTURE, numbering.architecture), (NUMBER, number), (REQUEST, request)])
            };
            assert_eq!(call(numbering.ioctl, TIOCSTI), REFUSE);
            assert_eq!(call(numbering.ioctl, TIOCLINUX), REFUSE);
            assert_eq!(call(numbering.ioctl, TIOCSTI + 1), ALLOW);
            assert_eq!(call(numbering.ioctl + 1, TIOCSTI), ALLOW);
            assert_eq!(numbering.keyrings.map(|number| call(number, 0)), [REFUSE; 3]);
            assert_eq!(call(numbering.ioctl | X32, 0), REFUSE);
            assert_eq!(call(0, TIOCSTI), ALLOW);
        }
        if !NUMBERINGS.is_empty() {
            assert_eq!(outcome([(ARCHITECTURE, 1), (NUMBER, 0), (REQUEST, 0)]), UNKNOWN);
        }
    }
}

//! `-t`: a table of configs, each with what keepalived and the agent exit with; where they differ it says why.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use lab::{agent, keepalived as real, lab::Lab, namespace::finish, node::Node};

use super::keepalived;

/// Its codes are those of the table.
const VERSION: &str = "v2.2.";

/// A config whose first line says `# exit N`, or `# exit N, keepalived M: why`.
struct Case {
    name: String,
    path: PathBuf,
    ours: i32,
    theirs: i32,
}

fn cases() -> Result<Vec<Case>> {
    let directory = agent::workspace().join("tests/tests/scenarios/front/cases");
    let files = fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?;
    let mut paths = files.map(|file| Ok(file?.path())).collect::<Result<Vec<PathBuf>>>()?;
    // Beside them lies what they include.
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    paths.sort();
    paths.into_iter().map(case).collect()
}

fn case(path: PathBuf) -> Result<Case> {
    let text = fs::read_to_string(&path)?;
    let first = text.lines().next().unwrap_or_default();
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (ours, theirs) = codes(first).with_context(|| format!("{name}: first line {first:?}"))?;
    Ok(Case { name, path, ours, theirs })
}

fn codes(line: &str) -> Result<(i32, i32)> {
    let said = line.strip_prefix("# exit ").context("no exit code")?;
    let Some((ours, rest)) = said.split_once(", keepalived ") else {
        let both = said.parse()?;
        return Ok((both, both));
    };
    let (theirs, why) = rest.split_once(": ").context("it does not say why they differ")?;
    let (ours, theirs) = (ours.parse()?, theirs.parse()?);
    ensure!(ours != theirs && !why.is_empty(), "they do not differ, or it does not say why");
    Ok((ours, theirs))
}

/// Exit code and words of `-t` on each.
fn judged(node: &Node, program: &Path, wanted: impl Fn(&Case) -> i32) -> Result<()> {
    let mut wrong = Vec::new();
    let cases = cases()?;
    ensure!(cases.len() >= 450, "only {} configs are in the table", cases.len());
    for case in cases {
        let output = finish(node.command(program).arg("-t").arg("-f").arg(&case.path))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        if code != Some(wanted(&case)) {
            wrong.push(format!("{}: {} and not {code:?}: {said}", case.name, wanted(&case)));
        } else if code != Some(0) && said.trim().is_empty() {
            wrong.push(format!("{}: {code:?} without a word", case.name));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("{} are judged otherwise:\n{}", wrong.len(), wrong.join("\n"))
    }
}

/// The agent.
pub fn ours() -> Result<()> {
    let lab = Lab::new()?;
    let node = lab.host("a", 1)?;
    judged(&node, &keepalived(&node)?, |case| case.ours)
}

/// Whether the installed keepalived is one that the table is about.
fn is_of_the_table() -> Result<bool> {
    let program = real::program().context("keepalived is not installed")?;
    let output = finish(Command::new(program).arg("-v"))?;
    let version = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned();
    let is_it = version.contains(VERSION);
    if !is_it {
        eprintln!("note: the table is that of keepalived {VERSION}x, here is {version}: not compared");
    }
    Ok(is_it)
}

/// keepalived.
pub fn theirs() -> Result<()> {
    let program = real::program().context("keepalived is not installed")?;
    if !is_of_the_table()? {
        return Ok(());
    }
    let lab = Lab::new()?;
    let node = lab.host("a", 1)?;
    judged(&node, Path::new(program), |case| case.theirs)
}

/// Programs that others than root could change, and whether the config asks to refuse those.
pub fn changeable_programs() -> Result<()> {
    let lab = Lab::new()?;
    let node = lab.host("a", 1)?;
    let script = node.write("check.sh", "#!/bin/sh\n")?;
    fs::set_permissions(&script, Permissions::from_mode(0o777))?;
    let config = |globals: &str, notify: bool| {
        let script = script.display();
        let (track, notify) = match notify {
            false => ("track_script {\n check\n }\n", String::new()),
            true => ("", format!("notify {script}\n")),
        };
        let check = if notify.is_empty() {
            format!("vrrp_script check {{\n script {script}\n}}\n")
        } else {
            String::new()
        };
        format!(
            "global_defs {{\n{globals}\n}}\n{check}{}",
            GOOD.replace("    virtual_ipaddress", &format!("{track}{notify}    virtual_ipaddress"))
        )
    };
    let (refused, not) = ("script_user root\nenable_script_security", "script_user root");
    // keepalived says nothing of a notify program that it will not run.
    let table = [
        (config(refused, false), 5, 5),
        (config(refused, true), 5, 0),
        (config(not, false), 6, 6),
        (config(not, true), 6, 6),
    ];
    for (text, ours, theirs) in table {
        let path = node.write("keepalived.conf", &text)?;
        let exit = |program: &Path| -> Result<Option<i32>> {
            Ok(finish(node.command(program).arg("-t").arg("-f").arg(&path))?.status.code())
        };
        let code = exit(&keepalived(&node)?)?;
        ensure!(code == Some(ours), "{code:?} and not {ours}:\n{text}");
        if let Some(program) = real::program().filter(|_| is_of_the_table().unwrap_or(false)) {
            let code = exit(Path::new(program))?;
            ensure!(code == Some(theirs), "keepalived: {code:?} and not {theirs}:\n{text}");
        }
    }
    Ok(())
}

/// A file that is missing or no file: keepalived lets it pass.
pub fn no_config() -> Result<()> {
    let lab = Lab::new()?;
    let node = lab.host("a", 1)?;
    let program = keepalived(&node)?;
    for (path, word) in [("/nonexistent/keepalived.conf", "no such file"), ("/", "directory")] {
        let output = finish(node.command(&program).args(["-t", "-f", path]))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(4), "{path}: {}", output.status);
        ensure!(said.lines().count() == 1 && said.contains(path) && said.contains(word), "{path}: {said}");
    }
    // Silent where all is well, and in the file that is asked for.
    let config = node.write("good.conf", GOOD)?;
    let output = finish(node.command(&program).arg("-t").arg("-f").arg(&config))?;
    ensure!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
    let config = node.write("bad.conf", &GOOD.replace("50", "300"))?;
    let log = node.directory().join("test.log");
    let mut command = node.command(&program);
    command.arg(format!("--config-test={}", log.display())).arg("-f").arg(&config);
    let output = finish(&mut command)?;
    let said = fs::read_to_string(&log)?;
    ensure!(output.status.code() == Some(4) && output.stderr.is_empty(), "{output:?}");
    let place = format!("({}: Line 3) error", config.display());
    ensure!(said.contains(&place), "{place} is not in: {said}");
    Ok(())
}

const GOOD: &str = "\
vrrp_instance VI_1 {
    interface ens33
    virtual_router_id 50
    virtual_ipaddress {
        10.0.0.3
    }
}
";

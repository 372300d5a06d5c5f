package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** scripts/softhsm-init.sh */
final class SoftHsmInitTest {
  private static final Path SCRIPT = Path.of("../scripts/softhsm-init.sh").toAbsolutePath();

  @TempDir private Path folder;

  // Opening a token sets the environment of this whole process, and of its children.
  @AfterEach
  void restoreEnvironment() {
    NativeEnvironment.set(Map.of("SOFTHSM2_CONF", System.getenv("SOFTHSM2_CONF")));
  }

  private record Run(int status, String output) {}

  private Run runWithPath(String path, String... arguments) throws Exception {
    String[] command = new String[arguments.length + 1];
    command[0] = SCRIPT.toString();
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("PATH", path);
    builder.environment().remove("SOFTHSM2_CONF");
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), output);
  }

  private Run run(String... arguments) throws Exception {
    return runWithPath(System.getenv("PATH"), arguments);
  }

  // A program of the script's, replaced by one of the test's.
  private String withProgram(String name, String body) throws IOException {
    Path programs = Files.createDirectories(folder.resolve("programs"));
    Path program = Files.writeString(programs.resolve(name), "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return programs + ":" + System.getenv("PATH");
  }

  private static Map<String, String> contents(Path home) throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.walk(home)) {
      for (Path file : files.toList()) {
        contents.put(
            home.relativize(file) + " " + Files.getPosixFilePermissions(file),
            Files.isDirectory(file) ? "" : Files.readString(file, StandardCharsets.ISO_8859_1));
      }
    }
    return contents;
  }

  @Test
  void aConfigurationAloneIsEnoughToUseTheTokenThatItMade() throws Exception {
    Path home = folder.resolve("home");
    Run made = run("--dir", home.toString(), "--label", "ca");
    assertThat(made.status()).as(made.output()).isZero();
    Path library =
        Path.of(
            made.output()
                .lines()
                .filter(line -> line.startsWith("library: "))
                .findFirst()
                .orElseThrow()
                .substring("library: ".length()));
    // A copy, because this process has loaded the library for other tests already.
    Path copy = Files.copy(library.toRealPath(), folder.resolve("libsofthsm2.so"));
    Pkcs11Settings settings =
        new Pkcs11Settings(
            copy,
            Optional.of("ca"),
            Optional.empty(),
            home.resolve("ca.pin"),
            2,
            Duration.ofSeconds(20),
            Pkcs11Settings.Place.PROCESS,
            Map.of("SOFTHSM2_CONF", home.resolve("softhsm2.conf").toString()));

    try (Token token = Pkcs11Token.open(settings, TokenObserver.NONE)) {
      KeyId id = new KeyId("6361");
      SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
      token.issuerKey(id, key, SigningScheme.ECDSA_SHA256).probe();
    }
  }

  @Test
  void theDirectoryIsPrivateAndTheSecondRunChangesNothing() throws Exception {
    Path home = folder.resolve("home");
    assertThat(run("--dir", home.toString(), "--label", "ca").status()).isZero();
    Map<String, String> made = contents(home);

    assertThat(made.keySet()).noneMatch(name -> name.contains("GROUP") || name.contains("OTHERS"));
    assertThat(Files.readString(home.resolve("ca.pin"))).matches("[0-9a-f]{32}\n");
    assertThat(Files.readString(home.resolve("ca.so-pin")))
        .matches("[0-9a-f]{32}\n")
        .isNotEqualTo(Files.readString(home.resolve("ca.pin")));

    Run again = run("--dir", home.toString(), "--label", "ca");
    assertThat(again.status()).isZero();
    assertThat(again.output()).contains("nothing changed").contains("library: /");
    assertThat(contents(home)).isEqualTo(made);

    assertThat(run("--dir", home.toString(), "--label", "root").status()).isZero();
    assertThat(contents(home)).containsAllEntriesOf(made);
  }

  @Test
  void noProcessShowsAPinOnItsCommandLine() throws Exception {
    Path home = folder.resolve("home");
    Path seen = folder.resolve("command-lines");
    String path =
        withProgram(
            "softhsm2-util",
            "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >> '"
                + seen
                + "'\nexec /usr/bin/softhsm2-util \"$@\"");

    Run run = runWithPath(path, "--dir", home.toString(), "--label", "ca");

    assertThat(run.status()).as(run.output()).isZero();
    String pin = Files.readString(home.resolve("ca.pin")).strip();
    String officerPin = Files.readString(home.resolve("ca.so-pin")).strip();
    assertThat(Files.readString(seen, StandardCharsets.ISO_8859_1))
        .contains("--init-token")
        .doesNotContain(pin)
        .doesNotContain(officerPin);
    assertThat(run.output()).doesNotContain(pin).doesNotContain(officerPin);
  }

  @Test
  void aFailureLeavesNothingBehind() throws Exception {
    Path home = folder.resolve("home");
    String failing =
        withProgram(
            "softhsm2-util",
            "case \"$*\" in *--init-token*) echo 'ERROR: no luck'; exit 1;; esac\n"
                + "exec /usr/bin/softhsm2-util \"$@\"");

    Run run = runWithPath(failing, "--dir", home.toString(), "--label", "ca");

    assertThat(run.status()).isEqualTo(1);
    assertThat(run.output()).contains("ERROR: no luck");
    assertThat(home).doesNotExist();
  }

  @Test
  void aFailureLeavesAnOlderTokenAsItWas() throws Exception {
    Path home = folder.resolve("home");
    assertThat(run("--dir", home.toString(), "--label", "ca").status()).isZero();
    Map<String, String> before = contents(home);
    String failing =
        withProgram(
            "softhsm2-util",
            "case \"$*\" in *--init-token*) exit 1;; esac\nexec /usr/bin/softhsm2-util \"$@\"");

    assertThat(runWithPath(failing, "--dir", home.toString(), "--label", "root").status())
        .isEqualTo(1);
    assertThat(contents(home)).isEqualTo(before);
  }

  @Test
  void aPinFileThatIsThereAlreadyIsNeverOverwritten() throws Exception {
    Path home = folder.resolve("home");
    Files.createDirectory(
        home, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Files.writeString(home.resolve("ca.pin"), "mine");

    Run run = run("--dir", home.toString(), "--label", "ca");

    assertThat(run.status()).isEqualTo(1);
    assertThat(run.output()).contains("ca.pin");
    assertThat(home.resolve("ca.pin")).hasContent("mine");
  }

  @Test
  void aDirectoryThatOthersCanEnterIsRefused() throws Exception {
    Path home = folder.resolve("home");
    Files.createDirectory(home);
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxr-xr-x"));

    Run run = run("--dir", home.toString(), "--label", "ca");

    assertThat(run.status()).isEqualTo(1);
    assertThat(run.output()).contains("mode 755");
    assertThat(home).isEmptyDirectory();
  }

  @Test
  void wrongUsageIsToldApart() throws Exception {
    assertThat(run().status()).isEqualTo(2);
    assertThat(run("--dir", folder.toString()).status()).isEqualTo(2);
    assertThat(run("--dir", folder.toString(), "--label", "../up").status()).isEqualTo(2);
    assertThat(run("--dirr", folder.toString()).output()).contains("unknown argument: --dirr");
    Run help = run("--help");
    assertThat(help.status()).isZero();
    assertThat(help.output()).startsWith("usage: scripts/softhsm-init.sh --dir DIR --label LABEL");
  }
}

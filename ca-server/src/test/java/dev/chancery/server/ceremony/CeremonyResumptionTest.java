package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.testing.FaultyModule;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Ended at each line of its transcript, in three ways, a ceremony goes on and signs no item twice;
 * so it does when its process is killed.
 */
@DisplayName("A ceremony that was ended")
class CeremonyResumptionTest {
  @TempDir static Path folder;
  private static CeremonyScene scene;
  private static FaultyModule module;

  @BeforeAll
  static void rehearse() throws Exception {
    scene = new CeremonyScene(folder);
    scene.rehearse();
    scene.prepare();
    module = FaultyModule.build(folder);
  }

  @BeforeEach
  void keepSigned() {
    module.keepSigned();
  }

  @AfterAll
  static void restore() throws Exception {
    module.close();
    scene.module = Optional.empty();
    scene.restore();
  }

  /** How the process ends while it writes a line. */
  enum End {
    BEFORE_THE_LINE,
    HALF_WAY,
    AFTER_THE_LINE
  }

  /** As kill -9: nothing catches it on the way. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  private static Transcript.Disk killing(int line, End end) {
    int[] written = {0};
    return (file, octets) -> {
      written[0]++;
      if (written[0] == line) {
        switch (end) {
          case BEFORE_THE_LINE -> {}
          case HALF_WAY -> Folder.append(file, Arrays.copyOf(octets, octets.length / 2));
          case AFTER_THE_LINE -> Folder.append(file, octets);
        }
        throw new Killed();
      }
      Folder.append(file, octets);
    };
  }

  /** The ceremony with all items typed, by a module that counts signatures. */
  private static Ceremony ceremony(Path out, String token, Transcript.Disk disk) throws Exception {
    scene.module = Optional.of(module.copy());
    return scene.ceremony(out, token, true, scene.typing(CeremonyScene.ITEMS), disk);
  }

  private static TranscriptState state(Path out) throws Exception {
    return TranscriptState.of(Files.readAllBytes(out.resolve(Transcript.FILE)));
  }

  @ParameterizedTest
  @EnumSource(End.class)
  @DisplayName("goes on at every line, with one key, one root and one signature for each item")
  void everyLine(End end) throws Exception {
    boolean killed = true;
    int line = 0;
    while (killed) {
      line++;
      String token = "token-" + end + "-" + line;
      Path out = folder.resolve("out-" + end + "-" + line);
      killed = false;
      try {
        keepSigned();
        ceremony(out, token, killing(line, end)).run();
      } catch (Killed e) {
        killed = true;
      }
      requireGoesOn(out, token, end + " " + line);
    }
    assertThat(line).isGreaterThan(15);
  }

  /** What is killed for good: the line of which event, and whether it is on the disk by then. */
  static Stream<Arguments> kills() {
    return Stream.of(
        // The token is made, its key is made, and the line that says so is not there.
        Arguments.of("\"event\":\"initializing\"", true),
        Arguments.of("\"event\":\"initialized\"", false),
        // The token is to be marked, and the mark is made.
        Arguments.of("\"event\":\"marking\"", true),
        Arguments.of("\"event\":\"marked\"", false),
        Arguments.of("\"event\":\"generating\"", true),
        Arguments.of("\"event\":\"generated\"", false),
        // Before and after each kind of item is signed; root, certificate, OCSP signer, CRL.
        Arguments.of("\"event\":\"signing\",\"item\":\"root\"", true),
        Arguments.of("\"event\":\"signed\",\"item\":\"root\"", true),
        Arguments.of("\"event\":\"signing\",\"item\":\"web\"", true),
        Arguments.of("\"event\":\"signed\",\"item\":\"web\"", false),
        Arguments.of("\"event\":\"signed\",\"item\":\"old-by-new\"", false),
        Arguments.of("\"event\":\"signing\",\"item\":\"root-ocsp\"", false),
        Arguments.of("\"event\":\"signed\",\"item\":\"crl\"", false),
        Arguments.of("\"event\":\"completed\"", true));
  }

  @ParameterizedTest
  @MethodSource("kills")
  @DisplayName("by SIGKILL goes on, with one key, one root and one signature for each item")
  void killed(String line, boolean written) throws Exception {
    String name = line.replaceAll("[^a-z-]", "") + written;
    Path out = folder.resolve("out-" + name);
    String token = "token-" + name;
    Process process = start(name, out, token, line, written);
    try {
      assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue())
        .as(Files.readString(folder.resolve("log-" + name)))
        .isEqualTo(128 + 9);
    assertThat(Files.readString(out.resolve(Transcript.FILE)).contains(line)).isEqualTo(written);

    requireGoesOn(out, token, name);
  }

  private static Process start(String name, Path out, String token, String line, boolean written)
      throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                KilledCeremony.class.getName()));
    command.addAll(
        new KilledCeremony.Arguments(folder, out, token, module.copy(), line, written).words());
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("log-" + name).toFile())
        .start();
  }

  @ParameterizedTest
  @ValueSource(strings = {"plan.yaml", "rehearsal.jsonl", "web.pem", "root.crl", "transcript.txt"})
  @DisplayName("by SIGKILL after its end, while its files are written, writes all of them")
  void killedWhileWriting(String file) throws Exception {
    String name = "writing-" + file;
    Path out = Files.createDirectories(folder.resolve("out-" + name));
    String token = "token-" + name;
    // Who opens it for writing waits for a reader.
    Path fresh = out.resolve("." + file + ".new");
    assertThat(new ProcessBuilder("mkfifo", fresh.toString()).start().waitFor()).isZero();
    Process process = start(name, out, token, KilledCeremony.NONE, false);
    try {
      Path transcript = out.resolve(Transcript.FILE);
      for (int i = 0; i < 1200 && process.isAlive(); i++) {
        if (Files.exists(transcript)
            && Files.readString(transcript).contains("\"event\":\"completed\"")) {
          break;
        }
        Thread.sleep(100);
      }
      // All that comes before is written within some milliseconds; it does not end by itself.
      assertThat(process.waitFor(500, TimeUnit.MILLISECONDS)).isFalse();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.waitFor())
        .as(Files.readString(folder.resolve("log-" + name)))
        .isEqualTo(128 + 9);
    assertThat(out.resolve(file)).doesNotExist();
    byte[] before = Files.readAllBytes(out.resolve(Transcript.FILE));
    // As a write that was ended half-way leaves it.
    Files.delete(fresh);
    Files.writeString(fresh, "hal");

    requireGoesOn(out, token, name);

    assertThat(Files.readAllBytes(out.resolve(Transcript.FILE))).isEqualTo(before);
    assertThat(fresh).doesNotExist();
  }

  /** Runs it again, on what the one that was killed has left. */
  private void requireGoesOn(Path out, String token, String what) throws Exception {
    Ceremony again = ceremony(out, token, Folder::append);
    if (rootIsInDoubt(out)) {
      assertThatThrownBy(again::run)
          .describedAs(what)
          .isInstanceOf(CeremonyRefused.class)
          .hasMessageContaining("the root was given up");
      assertThat(state(out).made()).isEmpty();
    } else {
      again.run();
      TranscriptState state = state(out);
      assertThat(state.isCompleted()).describedAs(what).isTrue();
      List<String> all = new ArrayList<>(state.made());
      all.addAll(state.abandoned());
      assertThat(all).describedAs(what).containsExactlyInAnyOrderElementsOf(CeremonyScene.ITEMS);
      assertThat(state.abandoned()).describedAs(what).hasSizeLessThanOrEqualTo(1);
      scene.close(out);
      assertThat(Verification.verify(new Folder(out), true).state().made()).isEqualTo(state.made());
    }
    assertThat(keysOf(token)).describedAs(what).isLessThanOrEqualTo(1);
    requireSignedOnce(state(out), what);
  }

  /** As the module has it: a P-256 key signs digests, and the probe of a key is always the same. */
  private static void requireSignedOnce(TranscriptState state, String what) {
    List<String> others = new ArrayList<>(module.signed());
    for (String item : state.items()) {
      String digest = state.signing(item).orElseThrow().digest();
      // Of what was given up it may have made a signature, or not.
      boolean signed = others.remove(digest);
      assertThat(signed || !state.made().contains(item)).describedAs(what + ": " + item).isTrue();
      assertThat(others).describedAs(what + ": " + item).doesNotContain(digest);
    }
    assertThat(others.stream().distinct()).describedAs(what).hasSize(1);
  }

  private static boolean rootIsInDoubt(Path out) throws Exception {
    byte[] text = Files.readAllBytes(out.resolve(Transcript.FILE));
    int end = text.length;
    while (end > 0 && text[end - 1] != '\n') {
      end--;
    }
    return TranscriptState.of(Arrays.copyOf(text, end)).inDoubt().contains("root");
  }

  /**
   * SoftHSM2 keeps each object in a file: the mark is one, and a key pair and its certificate are
   * three.
   */
  private static long keysOf(String token) throws Exception {
    try (var files = Files.walk(folder.resolve(token).resolve("tokens"))) {
      long objects =
          files
              .map(file -> String.valueOf(file.getFileName()))
              .filter(name -> name.endsWith(".object") && !name.equals("token.object"))
              .count();
      return (objects + 1) / 3;
    }
  }

  @Test
  @DisplayName("between a token's initialization and its PIN goes on with that token")
  void halfInitialized() throws Exception {
    String token = "token-half";
    Path out = folder.resolve("out-half");
    Transcript.Disk killing =
        (file, octets) -> {
          Folder.append(file, octets);
          if (new String(octets, StandardCharsets.UTF_8).contains("\"event\":\"initializing\"")) {
            throw new Killed();
          }
        };
    Ceremony ended = ceremony(out, token, killing);
    assertThatThrownBy(ended::run).isInstanceOf(Killed.class);
    scene.initializeByHalf(token);

    scene.officerPin = "another-so-pin-1";
    try {
      Ceremony wrong = ceremony(out, token, Folder::append);
      assertThatThrownBy(wrong::run).hasMessageContaining("CKR_PIN_INCORRECT");
    } finally {
      scene.officerPin = CeremonyScene.OFFICER_PIN;
    }
    assertThat(state(out).tokenSerial()).isEmpty();

    requireGoesOn(out, token, "half initialized");
  }

  @Test
  @DisplayName("tells a second process that one runs there")
  void alone() throws Exception {
    Path out = Files.createDirectories(folder.resolve("out-alone"));
    try (Transcript _ = Transcript.open(new Folder(out), scene.clock, Folder::append)) {
      Ceremony second = ceremony(out, "token-alone", Folder::append);

      assertThatThrownBy(second::run).hasMessageContaining("another ceremony runs there");
    }
  }

  @Test
  @DisplayName("that is complete says so, and signs nothing more")
  void complete() throws Exception {
    Path out = folder.resolve("out-complete");
    ceremony(out, "token-complete", Folder::append).run();
    byte[] before = Files.readAllBytes(out.resolve(Transcript.FILE));
    Files.delete(out.resolve("web.pem"));

    scene.ceremony(out, "token-complete", true, scene.typing(List.of()), Folder::append).run();

    assertThat(Files.readAllBytes(out.resolve(Transcript.FILE))).isEqualTo(before);
    assertThat(out.resolve("web.pem")).exists();
  }
}

package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.server.ConfigurationInvalid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** One ceremony that was held to its end, for all tests of a class, and a copy of it for each. */
abstract class FinishedCeremony {
  @TempDir static Path folder;
  static CeremonyScene scene;
  static Path original;
  static int copies;

  Path copy;

  @BeforeAll
  static void hold() throws Exception {
    scene = new CeremonyScene(folder);
    scene.rehearse();
    scene.prepare();
    original = folder.resolve("out");
    scene
        .ceremony(original, "token", true, scene.typing(CeremonyScene.ITEMS), Folder::append)
        .run();
    scene.close(original);
  }

  @AfterAll
  static void restore() throws Exception {
    scene.restore();
  }

  @BeforeEach
  void copy() throws IOException {
    copies++;
    copy = Files.createDirectories(folder.resolve("copy-" + copies));
    try (Stream<Path> files = Files.list(original)) {
      for (Path file : files.toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
  }

  interface Tampering {
    void with(Path directory) throws Exception;
  }

  /**
   * @param reason what the refusal says
   */
  record Case(String name, Tampering tampering, String reason) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Refuses a test whose tampering is not found, or for another reason. */
  void requireFound(Case each) throws Exception {
    each.tampering().with(copy);

    assertThatThrownBy(() -> Verification.verify(new Folder(copy), true))
        .isInstanceOfAny(CeremonyRefused.class, ConfigurationInvalid.class)
        .hasMessageContaining(each.reason());
  }

  static void rewrite(Path out, UnaryOperator<TranscriptEntry> change, UnaryOperator<Instant> time)
      throws Exception {
    rewrite(scene, out, entry -> Optional.of(change.apply(entry)), time);
  }

  static void rewrite(
      CeremonyScene signers,
      Path out,
      Function<TranscriptEntry, Optional<TranscriptEntry>> change,
      UnaryOperator<Instant> time)
      throws Exception {
    Forgery.rewrite(
        signers,
        out,
        line ->
            change.apply(line.entry()).stream()
                .map(entry ->
                    new TranscriptLine(
                        line.number(), line.previous(), time.apply(line.time()), entry))
                .toList());
  }
}

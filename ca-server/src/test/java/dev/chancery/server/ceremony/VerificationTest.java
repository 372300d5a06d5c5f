package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tampering with a finished ceremony: a file is changed; or its manifest is made and signed anew as
 * well.
 */
@DisplayName("The verification of a ceremony")
class VerificationTest extends FinishedCeremony {
  @Test
  @DisplayName("finds nothing wrong with one that was left alone")
  void untouched() throws Exception {
    Verification.Verified verified = Verification.verify(new Folder(copy), true);

    assertThat(verified.state().made()).isEqualTo(CeremonyScene.ITEMS);
    assertThat(verified.planDigest()).isEqualTo(scene.digest());
    assertThat(verified.root().orElseThrow().getSubject()).hasToString("O=Tests,CN=Test Root");
    // For the paper, at the rehearsal and at the ceremony; what people compare it with.
    String rehearsal = Digests.sha256(Files.readAllBytes(scene.in().resolve("rehearsal.jsonl")));
    assertThat(CeremonyTool.verify(copy, true).rehearsalDigest()).isEqualTo(rehearsal);
    assertThat(scene.said)
        .anyMatch(line -> line.contains("rehearsal.jsonl now, with SHA-256 " + rehearsal))
        .anyMatch(line -> line.startsWith("The rehearsal's SHA-256 is " + rehearsal));
  }

  private static Set<String> files() throws IOException {
    try (Stream<Path> files = Files.list(original)) {
      return files
          .map(file -> file.getFileName().toString())
          .collect(java.util.stream.Collectors.toCollection(java.util.TreeSet::new));
    }
  }

  /** A byte of each file, each file away: the manifest and its signature tell. */
  static List<Case> simple() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (String file : files()) {
      cases.add(
          new Case(
              "a byte in the middle of " + file, out -> flip(out.resolve(file)), changed(file)));
      cases.add(
          new Case(
              file + " is away",
              out -> Files.delete(out.resolve(file)),
              file.startsWith("MANIFEST.")
                  ? "MANIFEST is signed by 0 of 3 witnesses"
                  : file + ": there is no such file"));
    }
    return cases;
  }

  private static String changed(String file) {
    return file.startsWith("MANIFEST")
        ? "MANIFEST.bert.sig: not the signature of witness bert over MANIFEST"
        : file + ": not the file of the manifest";
  }

  /** What is wrong with a file when its manifest is right. */
  private static String changedAndResigned(String file) {
    if (file.endsWith(".sig")) {
      String signed = file.replaceFirst("\\.[a-z]+\\.sig$", "");
      String witness = file.replaceFirst(".*\\.([a-z]+)\\.sig$", "$1");
      return "%s: not the signature of witness %s over %s".formatted(file, witness, signed);
    }
    return switch (file) {
      case "plan.yaml" -> "plan.yaml.anna.sig: not the signature of witness anna over plan.yaml";
      case "transcript.jsonl", "rehearsal.jsonl" -> " of the transcript: ";
      case "transcript.txt" -> "transcript.txt: not the page of this transcript";
      case "old.pem", "web.csr", "ocsp.csr" -> file + ": has SHA-256 ";
      default -> file + ": not what was signed";
    };
  }

  private static String awayAndResigned(String file) {
    return file.endsWith(".sig")
        ? file.replaceFirst("\\.[a-z]+\\.sig$", "") + " is signed by 1 of 3 witnesses"
        : file + " is not in the manifest, so it is not read";
  }

  /** The same with a manifest that fits again and is signed by a real witness. */
  static List<Case> resigned() throws IOException {
    List<Case> cases = new ArrayList<>();
    for (String file : files()) {
      if (!file.startsWith("MANIFEST")) {
        cases.add(
            new Case(
                "a byte in the middle of " + file + ", manifest signed anew",
                out -> {
                  flip(out.resolve(file));
                  manifest(out);
                },
                changedAndResigned(file)));
        cases.add(
            new Case(
                file + " is away, manifest signed anew",
                out -> {
                  Files.delete(out.resolve(file));
                  manifest(out);
                },
                awayAndResigned(file)));
      }
    }
    cases.add(
        lines(
            "a line is dropped",
            "line 6 of the transcript: it calls itself line 7",
            lines -> without(lines, 5)));
    cases.add(
        lines(
            "the last line is dropped",
            "the ceremony did not come to its end",
            lines -> lines.subList(0, lines.size() - 1)));
    cases.add(
        lines(
            "the first line is dropped",
            "line 1 of the transcript: it calls itself line 2",
            lines -> lines.subList(1, lines.size())));
    cases.add(
        lines(
            "two lines change places",
            "line 7 of the transcript: it calls itself line 8",
            lines -> swapped(lines, 6, 7)));
    cases.add(
        lines(
            "a line stands there twice",
            "line 6 of the transcript: it calls itself line 5",
            lines -> doubled(lines, 4)));
    cases.add(
        lines(
            "a line is empty",
            " of the transcript: not an object of JSON",
            lines -> Stream.concat(lines.stream(), Stream.of("")).toList()));
    cases.add(
        lines(
            "a blank is added",
            "line 4 of the transcript: not written as this program writes it",
            lines -> edited(lines, 3, line -> line.replace("\":", "\": "))));
    cases.add(
        lines(
            "a time is changed",
            "line 4 of the transcript: its time 2025-",
            lines -> edited(lines, 3, line -> line.replace("2026", "2025"))));
    cases.add(
        new Case(
            "a transcript of the real one in place of the rehearsal's",
            out -> {
              Files.copy(
                  out.resolve("transcript.jsonl"),
                  out.resolve("rehearsal.jsonl"),
                  StandardCopyOption.REPLACE_EXISTING);
              manifest(out);
            },
            "not a rehearsal that came to its end"));
    cases.add(
        new Case(
            "the signature of a witness under the name of another",
            out -> {
              Files.move(
                  out.resolve("transcript.jsonl.anna.sig"),
                  out.resolve("transcript.jsonl.bert.sig"));
              manifest(out);
            },
            "transcript.jsonl.bert.sig: not the signature of witness bert over transcript.jsonl"));
    cases.add(
        new Case(
            "the signature of a witness over the plan, as over the transcript",
            out -> {
              Files.copy(
                  out.resolve("plan.yaml.anna.sig"),
                  out.resolve("transcript.jsonl.anna.sig"),
                  StandardCopyOption.REPLACE_EXISTING);
              manifest(out);
            },
            "transcript.jsonl.anna.sig: not the signature of witness anna over transcript.jsonl"));
    cases.add(
        new Case(
            "a witness who is none",
            out -> {
              scene.key("dora");
              scene.signAs(out, "transcript.jsonl", "dora", "anna", "chancery-transcript");
              manifest(out);
            },
            "transcript.jsonl.anna.sig: not the signature of witness anna over transcript.jsonl"));
    cases.add(
        new Case(
            "another plan, signed by its witnesses",
            out -> {
              Path plan = out.resolve("plan.yaml");
              Files.writeString(plan, Files.readString(plan).replace("number: 7", "number: 8"));
              scene.sign(out, "plan.yaml", "anna", Witnesses.Purpose.PLAN);
              scene.sign(out, "plan.yaml", "bert", Witnesses.Purpose.PLAN);
              manifest(out);
            },
            "the transcript is of another plan"));
    return cases;
  }

  static Stream<Case> all() throws IOException {
    return Stream.of(simple(), resigned()).flatMap(List::stream);
  }

  @ParameterizedTest
  @MethodSource("all")
  @DisplayName("finds")
  void tampered(Case each) throws Exception {
    requireFound(each);
  }

  @Test
  @DisplayName("is shown at least forty tamperings of its own kind each")
  void many() throws IOException {
    assertThat(
            Stream.of(simple(), resigned(), LyingTranscriptTest.lies(), SignedByTheRootTest.lies())
                .flatMap(List::stream)
                .map(Case::name)
                .distinct()
                .count())
        .isGreaterThanOrEqualTo(40);
  }

  @Test
  @DisplayName("reads nothing that is not in the manifest")
  void extraFile() throws Exception {
    Files.writeString(copy.resolve("extra.pem"), "not read");
    Verification.verify(new Folder(copy), true);

    // A further signature of a witness would count, if it were read.
    Files.writeString(copy.resolve("transcript.jsonl.bert.sig"), "not read either");
    Verification.verify(new Folder(copy), true);
  }

  private static void flip(Path file) throws IOException {
    byte[] octets = Files.readAllBytes(file);
    switch (String.valueOf(file.getFileName())) {
      // What is no list of digests or no plan any more is another case.
      case "MANIFEST" -> octets[0] = (byte) (octets[0] == '0' ? '1' : '0');
      case "plan.yaml" ->
          octets[new String(octets, StandardCharsets.US_ASCII).indexOf("Web CA") + 1] = 'a';
      // Letters stay letters, so that what is tested is not only the syntax.
      default -> octets[octets.length / 2] ^= 0x02;
    }
    Files.write(file, octets);
  }

  private static void manifest(Path out) throws Exception {
    Manifest.write(new Folder(out));
    scene.sign(out, Manifest.FILE, "bert", Witnesses.Purpose.MANIFEST);
  }

  private static Case lines(String name, String reason, UnaryOperator<List<String>> change) {
    return new Case(
        name,
        out -> {
          Path file = out.resolve("transcript.jsonl");
          Files.write(file, change.apply(Files.readAllLines(file)));
          scene.close(out);
        },
        reason);
  }

  private static List<String> without(List<String> lines, int index) {
    List<String> changed = new ArrayList<>(lines);
    changed.remove(index);
    return changed;
  }

  private static List<String> swapped(List<String> lines, int one, int other) {
    List<String> changed = new ArrayList<>(lines);
    Collections.swap(changed, one, other);
    return changed;
  }

  private static List<String> doubled(List<String> lines, int index) {
    List<String> changed = new ArrayList<>(lines);
    changed.add(index, lines.get(index));
    return changed;
  }

  private static List<String> edited(List<String> lines, int index, UnaryOperator<String> change) {
    List<String> changed = new ArrayList<>(lines);
    changed.set(index, change.apply(lines.get(index)));
    return changed;
  }
}

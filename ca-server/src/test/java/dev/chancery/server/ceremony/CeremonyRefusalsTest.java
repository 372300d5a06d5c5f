package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is not as the plan wants it is refused with the reason, before anything is signed. */
@DisplayName("A ceremony refuses")
class CeremonyRefusalsTest {
  @TempDir Path folder;
  private CeremonyScene scene;
  private Path out;

  @BeforeEach
  void begin() throws Exception {
    scene = new CeremonyScene(folder);
    out = folder.resolve("out");
  }

  @AfterEach
  void restore() throws Exception {
    scene.restore();
  }

  /** What is done to a scene. */
  interface Change {
    void in(CeremonyScene scene) throws Exception;
  }

  /**
   * @param mend what makes it a ceremony that can be held; empty when only another plan does
   */
  record Case(String name, Change change, String reason, Optional<Change> mend) {
    Case(String name, Change change, String reason) {
      this(name, change, reason, Optional.empty());
    }

    Case(String name, Change change, String reason, Change mend) {
      this(name, change, reason, Optional.of(mend));
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /** Each changes a ceremony that could be held: rehearsed, signed, its manifest signed. */
  static List<Case> prepared() {
    return List.of(
        new Case(
            "one witness too few",
            scene -> {
              Files.delete(scene.in().resolve("plan.yaml.bert.sig"));
              scene.manifest();
            },
            "signed by 1 of 3 witnesses (anna), and 2 must",
            CeremonyScene::prepare),
        new Case(
            "a witness's signature by another's key",
            scene -> {
              scene.signAs(scene.in(), "plan.yaml", "carla", "bert", "chancery-plan");
              scene.manifest();
            },
            "plan.yaml.bert.sig: not the signature of witness bert",
            CeremonyScene::prepare),
        new Case(
            "a signature that was made for something else",
            scene -> {
              scene.signAs(scene.in(), "plan.yaml", "bert", "bert", "chancery-transcript");
              scene.manifest();
            },
            "plan.yaml.bert.sig: not the signature of witness bert",
            CeremonyScene::prepare),
        new Case(
            "a signature that is none",
            scene -> {
              scene.write("plan.yaml.bert.sig", "no signature");
              scene.manifest();
            },
            "plan.yaml.bert.sig: not the signature of witness bert",
            CeremonyScene::prepare),
        new Case(
            "a manifest that nobody signed",
            scene -> Files.delete(scene.in().resolve("MANIFEST.carla.sig")),
            "MANIFEST is signed by 0 of 3 witnesses",
            CeremonyScene::manifest),
        new Case(
            "a request that one witness put in the place of the planned one",
            scene -> {
              Files.move(scene.in().resolve("web.csr"), scene.folder.resolve("web.csr"));
              scene.write("web.csr", CeremonyScene.request("O=Tests,CN=Web CA", null));
              scene.manifest();
            },
            "web.csr: has SHA-256",
            scene -> {
              Files.move(
                  scene.folder.resolve("web.csr"),
                  scene.in().resolve("web.csr"),
                  StandardCopyOption.REPLACE_EXISTING);
              scene.manifest();
            }),
        new Case(
            "a root that one witness put in the place of the planned one",
            scene -> {
              scene.write("old.pem", CeremonyScene.root("O=Tests,CN=Old Root"));
              scene.manifest();
            },
            "old.pem: has SHA-256"),
        new Case(
            "an expired plan",
            scene -> scene.clock.advance(Duration.ofDays(300)),
            "the plan expired at 2027-01-01T00:00:00Z"),
        new Case(
            "a plan before its time",
            scene -> scene.clock.advance(Duration.ofDays(-300)),
            "the plan is for 2026-01-01T00:00:00Z and later",
            scene -> scene.clock.advance(Duration.ofDays(300))),
        new Case(
            "a plan that was not rehearsed",
            CeremonyRefusalsTest::takeRehearsal,
            "the plan was not rehearsed",
            CeremonyRefusalsTest::bringRehearsal),
        new Case(
            "a rehearsal that did not come to its end",
            scene -> {
              takeRehearsal(scene);
              List<String> lines = Files.readAllLines(kept(scene));
              Files.write(
                  scene.in().resolve("rehearsal.jsonl"), lines.subList(0, lines.size() - 1));
              scene.manifest();
            },
            "not a rehearsal that came to its end",
            CeremonyRefusalsTest::bringRehearsal),
        new Case(
            "a rehearsal of nothing",
            scene -> {
              takeRehearsal(scene);
              Files.writeString(
                  scene.in().resolve("rehearsal.jsonl"), rehearsalOfNothing(kept(scene)));
              scene.manifest();
            },
            "the rehearsal did not make root, web, old-by-new, root-ocsp, crl",
            CeremonyRefusalsTest::bringRehearsal),
        new Case(
            "a rehearsal in which an item was given up",
            scene -> {
              takeRehearsal(scene);
              Path other = scene.folder.resolve("given-up");
              scene.endAt("web", other, "given-up-token", false, CeremonyScene.ITEMS);
              scene
                  .ceremony(
                      other,
                      "given-up-token",
                      false,
                      scene.typing(CeremonyScene.ITEMS),
                      Folder::append)
                  .run();
              scene.manifest();
            },
            "the rehearsal did not make web: rehearse again, in another directory",
            CeremonyRefusalsTest::bringRehearsal),
        new Case(
            "a rehearsal that is not the one of the manifest",
            scene -> {
              Files.copy(scene.in().resolve("rehearsal.jsonl"), kept(scene));
              Files.writeString(
                  scene.in().resolve("rehearsal.jsonl"), rehearsalOfNothing(kept(scene)));
            },
            "rehearsal.jsonl: not the file of the manifest",
            CeremonyRefusalsTest::bringRehearsal),
        new Case(
            "a rehearsal by another distribution",
            scene -> scene.machine = machine(2),
            "the plan was rehearsed with another distribution",
            scene -> scene.machine = machine(1)));
  }

  private static Machine machine(int distribution, String... networkInterfaces) {
    return new Machine(
        "chancery test",
        Digests.sha256(new byte[] {(byte) distribution}),
        List.of(networkInterfaces));
  }

  private static Path kept(CeremonyScene scene) {
    return scene.rehearsal().resolve("kept.jsonl");
  }

  private static void takeRehearsal(CeremonyScene scene) throws Exception {
    Files.move(scene.in().resolve("rehearsal.jsonl"), kept(scene));
    scene.manifest();
  }

  /** Two lines, which are those of a rehearsal as far as they go. */
  private static String rehearsalOfNothing(Path whole) throws Exception {
    TranscriptLine begun = TranscriptState.of(Files.readAllBytes(whole)).lines().getFirst();
    TranscriptLine completed =
        new TranscriptLine(
            2, begun.digest(), begun.time(), new TranscriptEntry.Completed(List.of(), List.of()));
    return new String(begun.octets(), StandardCharsets.UTF_8)
        + "\n"
        + new String(completed.octets(), StandardCharsets.UTF_8)
        + "\n";
  }

  private static void bringRehearsal(CeremonyScene scene) throws Exception {
    Files.move(
        kept(scene), scene.in().resolve("rehearsal.jsonl"), StandardCopyOption.REPLACE_EXISTING);
    scene.manifest();
  }

  @ParameterizedTest
  @MethodSource("prepared")
  void changed(Case each) throws Exception {
    scene.rehearse();
    scene.prepare();
    each.change().in(scene);

    requireRefused(scene.typing(CeremonyScene.ITEMS), each.reason());
    requireVerified(each);
  }

  @Test
  @DisplayName("a rehearsal in which something was made that nobody could verify")
  void rehearsedWrongly() throws Exception {
    scene.rehearse();
    Path transcript = scene.in().resolve("rehearsal.jsonl");
    Files.delete(transcript);
    Forgery.rewrite(
        scene,
        scene.rehearsal(),
        line ->
            List.of(
                line.entry() instanceof TranscriptEntry.Signing signing
                        && signing.item().equals("crl")
                    ? Forgery.with(
                        line,
                        new TranscriptEntry.Signing(
                            "crl",
                            signing.kind(),
                            "8",
                            signing.mechanism(),
                            signing.toBeSigned(),
                            signing.digest()))
                    : line));

    assertThatThrownBy(scene::rehearse)
        .isInstanceOf(CeremonyRefused.class)
        .hasMessage("crl: the number that was written down is not the plan's");
    assertThat(transcript).doesNotExist();
  }

  @Test
  @DisplayName("no rehearsal that is held before the time of its plan")
  void rehearsedBefore() throws Exception {
    scene.clock.advance(Duration.ofDays(-300));
    scene.rehearse();
    scene.prepare();

    scene.clock.advance(Duration.ofDays(300));
    requireVerified();
  }

  @Test
  @DisplayName("to go on before a refusal of a clock that was ahead, and names the way out")
  void clockAhead() throws Exception {
    scene.rehearse();
    scene.prepare();
    scene.clock.advance(Duration.ofDays(300));
    requireRefused(scene.typing(CeremonyScene.ITEMS), "the plan expired at 2027-01-01T00:00:00Z");

    scene.clock.advance(Duration.ofDays(-300));
    assertThatThrownBy(() -> ceremony(scene.typing(CeremonyScene.ITEMS)).run())
        .hasMessageContaining(
            "this machine's clock is before the last line of the transcript, 2027-03-28T12:00:00Z;"
                + " nothing was done with the token, so that another --out may be taken");
    out = folder.resolve("other-out");
    requireVerified();

    // Where something was done there is no other way than to wait.
    scene.clock.advance(Duration.ofMinutes(-1));
    assertThatThrownBy(() -> ceremony(scene.typing(CeremonyScene.ITEMS)).run())
        .hasMessageEndingWith("the last line of the transcript, 2026-06-01T12:00:00Z");
  }

  /** Each changes what is planned, before the rehearsal. */
  static List<Case> planned() {
    return List.of(
        new Case(
            "a token that is not there",
            scene ->
                scene.plan(
                    CeremonyScene.PLAN.replace(
                        "{label: test-root, initialize: true}",
                        "{label: test-root, serial: \"0123456789abcdef\", initialize: false}")),
            "has no PKCS #11 token \"test-root\" with serial number 0123456789abcdef"),
        new Case(
            "a machine with a network",
            scene -> {
              scene.plan(CeremonyScene.PLAN.replace("offline: false", "offline: true"));
              scene.machine = machine(1, "eth0");
            },
            "this machine has a network: eth0",
            scene -> scene.machine = machine(1)));
  }

  @ParameterizedTest
  @MethodSource("planned")
  void planned(Case each) throws Exception {
    each.change().in(scene);
    scene.rehearse();
    scene.prepare();

    requireRefused(scene.typing(CeremonyScene.ITEMS), each.reason());
    requireVerified(each);
  }

  @Test
  @DisplayName("a plan that was changed after it began")
  void stalePlan() throws Exception {
    scene.rehearse();
    scene.prepare();
    requireRefused(scene.typing(List.of()), "what was typed is not root");
    scene.plan(CeremonyScene.PLAN.replace("number: 7", "number: 8"));
    scene.prepare();

    requireRefused(
        scene.typing(CeremonyScene.ITEMS),
        "the plan is not the one that this ceremony was begun with");
  }

  @Test
  @DisplayName("a request that was changed after it began")
  void changedRequest() throws Exception {
    scene.rehearse();
    scene.prepare();
    requireRefused(scene.typing(List.of()), "what was typed is not root");
    scene.write("web.csr", CeremonyScene.request("O=Tests,CN=Web CA", null));
    scene.manifest();

    requireRefused(scene.typing(CeremonyScene.ITEMS), "web.csr: has SHA-256");
  }

  @Test
  @DisplayName("another digest than that of the plan")
  void wrongDigest() throws Exception {
    scene.rehearse();
    scene.prepare();

    for (String typed : List.of("0".repeat(32), scene.digest().substring(0, 8), "")) {
      requireRefused(
          List.of(typed, "root"), "what was typed is not the beginning of the plan's digest");
    }
    requireVerified();
  }

  @Test
  @DisplayName("a file that is not in the manifest, or is not the one of it")
  void manifest() throws Exception {
    scene.rehearse();
    scene.prepare();
    scene.write("web.csr", CeremonyScene.request("O=Tests,CN=Web CA", null));

    requireRefused(scene.typing(CeremonyScene.ITEMS), "web.csr: not the file of the manifest");
  }

  @Test
  @DisplayName("a token that others made, however often it is tried")
  void foreignToken() throws Exception {
    scene.rehearse();
    scene.prepare();
    Path others = folder.resolve("others");
    assertThatThrownBy(() ->
            scene
                .ceremony(others, "real-token", true, scene.typing(List.of("root")), Folder::append)
                .run())
        .hasMessageContaining("what was typed is not web");

    for (int turn = 0; turn < 3; turn++) {
      requireRefused(scene.typing(CeremonyScene.ITEMS), "is there already");
      assertThat(state(out).tokenSerial()).isEmpty();
    }
  }

  @Test
  @DisplayName("a token of others with the plan's label and not its serial number, half made too")
  void halfMadeByOthers() throws Exception {
    scene.plan(
        CeremonyScene.PLAN.replace(
            "{label: test-root, initialize: true}",
            "{label: test-root, serial: \"0123456789abcdef\", initialize: true}"));
    scene.rehearse();
    scene.prepare();
    Ceremony ended =
        scene.ceremony(
            out,
            "real-token",
            true,
            scene.typing(CeremonyScene.ITEMS),
            (file, octets) -> {
              Folder.append(file, octets);
              if (new String(octets, StandardCharsets.UTF_8).contains("initializing")) {
                throw new IllegalStateException("ended");
              }
            });
    assertThatThrownBy(ended::run).hasMessage("ended");
    scene.initializeByHalf("real-token");

    requireRefused(scene.typing(CeremonyScene.ITEMS), "is there already");
    assertThat(state(out).tokenSerial()).isEmpty();
    // Nobody has given it a PIN.
    assertThatThrownBy(() -> scene.withPin("real-token", "--list-objects"))
        .hasMessageContaining("CKR_USER_PIN_NOT_INITIALIZED");
  }

  @Test
  @DisplayName("a transcript that takes a token that was there for the one that it made")
  void adoptedToken() {
    String serial = "0123456789abcdef";

    assertThatThrownBy(() ->
            TranscriptState.of(
                text(
                    new TranscriptEntry.Begun("test-root", "real", "", "", "", Map.of(), List.of()),
                    new TranscriptEntry.Initializing("test-root", List.of(serial)),
                    new TranscriptEntry.Initialized("test-root", serial))))
        .hasMessageContaining("no token was to be initialized, or not this one");
  }

  private byte[] text(TranscriptEntry... entries) {
    StringBuilder text = new StringBuilder();
    String previous = TranscriptLine.NONE;
    int number = 0;
    for (TranscriptEntry entry : entries) {
      number++;
      TranscriptLine line = new TranscriptLine(number, previous, scene.clock.instant(), entry);
      text.append(new String(line.octets(), StandardCharsets.UTF_8)).append('\n');
      previous = line.digest();
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  @Test
  @DisplayName("another token than the one that it began with")
  void otherToken() throws Exception {
    scene.rehearse();
    scene.prepare();
    assertThatThrownBy(() -> ceremony(scene.typing(List.of("root"))).run())
        .hasMessageContaining("what was typed is not web");
    // The same directory and the same label, in another store.
    assertThatThrownBy(() ->
            scene
                .ceremony(
                    out, "other-token", true, scene.typing(CeremonyScene.ITEMS), Folder::append)
                .run())
        .hasMessageContaining("has no PKCS #11 token \"test-root\" with serial number");

    assertThat(last(out)).contains("\"event\":\"refused\"", "has no PKCS #11 token");
    assertThat(state(out).made()).containsExactly("root");
  }

  private Ceremony ceremony(List<String> typed) throws Exception {
    return scene.ceremony(out, "real-token", true, typed, Folder::append);
  }

  /** What was mended before anything was done is held like any other, and nobody refuses it. */
  private void requireVerified(Case each) throws Exception {
    if (each.mend().isPresent()) {
      each.mend().get().in(scene);
      requireVerified();
    }
  }

  private void requireVerified() throws Exception {
    ceremony(scene.typing(CeremonyScene.ITEMS)).run();
    scene.close(out);
    assertThat(Verification.verify(new Folder(out), true).state().made())
        .isEqualTo(CeremonyScene.ITEMS);
  }

  @Test
  @DisplayName("a network that came up between two runs, and the second run alone")
  void networkInBetween() throws Exception {
    scene.plan(CeremonyScene.PLAN.replace("offline: false", "offline: true"));
    scene.rehearse();
    scene.prepare();
    assertThatThrownBy(() -> ceremony(scene.typing(List.of("root"))).run())
        .hasMessageContaining("what was typed is not web");
    scene.machine = machine(1, "eth0");
    assertThatThrownBy(() -> ceremony(scene.typing(CeremonyScene.ITEMS)).run())
        .hasMessageContaining("this machine has a network: eth0");
    assertThat(state(out).made()).containsExactly("root");

    scene.machine = machine(1);
    requireVerified();
  }

  @Test
  @DisplayName("another rehearsal than the one under which the token was used, at the end too")
  void otherRehearsal() throws Exception {
    scene.rehearse();
    scene.prepare();
    assertThatThrownBy(() -> ceremony(scene.typing(List.of("root"))).run())
        .hasMessageContaining("what was typed is not web");
    Path first = scene.in().resolve("rehearsal.jsonl");
    Path aside = folder.resolve("aside");
    Files.move(first, aside);
    scene.clock.advance(Duration.ofMinutes(1));
    scene
        .ceremony(
            folder.resolve("again"),
            "other-rehearsal",
            false,
            scene.typing(CeremonyScene.ITEMS),
            Folder::append)
        .run();
    scene.manifest();
    assertThatThrownBy(() -> ceremony(scene.typing(CeremonyScene.ITEMS)).run())
        .hasMessageContaining("not the transcript of the rehearsal that was shown");
    Path other = folder.resolve("other");
    Files.move(first, other);
    Files.move(aside, first);
    scene.manifest();
    requireVerified();

    Files.move(first, aside);
    Files.move(other, first);
    scene.manifest();
    assertThatThrownBy(() -> ceremony(List.of("")).run())
        .hasMessageContaining("not the rehearsal that was shown before");
    assertThat(Verification.verify(new Folder(out), true).state().made())
        .isEqualTo(CeremonyScene.ITEMS);
  }

  private void requireRefused(List<String> typed, String reason) throws Exception {
    Ceremony ceremony = ceremony(typed);
    assertThatThrownBy(ceremony::run).hasMessageContaining(reason);
    requireNothingSigned(out, reason);
  }

  static void requireNothingSigned(Path out, String reason) throws Exception {
    assertThat(state(out).items()).isEmpty();
    assertThat(last(out)).contains("\"event\":\"refused\"");
    assertThat(((TranscriptEntry.Refusal) state(out).lines().getLast().entry()).reason())
        .contains(reason);
    try (Stream<Path> files = Files.list(out)) {
      assertThat(files.map(file -> file.getFileName().toString()).toList())
          .allMatch(name -> name.startsWith("transcript.") || name.equals("rehearsal.jsonl"));
    }
  }

  private static TranscriptState state(Path out) throws Exception {
    return TranscriptState.of(Files.readAllBytes(out.resolve("transcript.jsonl")));
  }

  private static String last(Path out) throws Exception {
    List<String> lines = new ArrayList<>(Files.readAllLines(out.resolve("transcript.jsonl")));
    return lines.getLast();
  }
}

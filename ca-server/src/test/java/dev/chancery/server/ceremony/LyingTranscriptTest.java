package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tampering to which as many witnesses as it takes agree: they sign a transcript that lies. */
@DisplayName("The verification of a transcript that lies")
class LyingTranscriptTest extends FinishedCeremony {
  /** A transcript that is chained anew and signed by the witnesses: what it says is checked. */
  static List<Case> lies() {
    List<Case> cases = new ArrayList<>();
    cases.add(
        lie(
            "another token",
            "the token was \"other\" with serial number",
            entry ->
                entry instanceof TranscriptEntry.Opened token
                    ? new TranscriptEntry.Opened(
                        "other", token.serial(), token.manufacturer(), token.model(), "")
                    : entry));
    cases.add(
        lie(
            "a token of another serial number",
            "the token has serial number 0123456789abcdef, not ",
            entry ->
                entry instanceof TranscriptEntry.Opened token
                    ? new TranscriptEntry.Opened(
                        token.label(),
                        "0123456789abcdef",
                        token.manufacturer(),
                        token.model(),
                        token.firmwareVersion())
                    : entry));
    cases.add(
        lie(
            "a mark for another plan",
            "the token is marked again, or for another plan",
            entry ->
                entry instanceof TranscriptEntry.Marking mark
                    ? new TranscriptEntry.Marking("0".repeat(64), mark.transcript())
                    : entry));
    cases.add(
        lie(
            "the mark of another transcript",
            "the mark in the token is not the one that was to be made",
            entry ->
                entry instanceof TranscriptEntry.Marked mark
                    ? new TranscriptEntry.Marked(mark.plan(), "0".repeat(32))
                    : entry));
    cases.add(
        without(
            "a mark that was to be made",
            "the token was not marked before it was used",
            entry -> entry instanceof TranscriptEntry.Marked));
    cases.add(
        without(
            "a mark",
            "the token was not marked before it was used",
            entry ->
                entry instanceof TranscriptEntry.Marking
                    || entry instanceof TranscriptEntry.Marked));
    cases.add(
        new Case(
            "a token that bears no mark, against the plan",
            out ->
                rewrite(
                    scene,
                    out,
                    entry ->
                        switch (entry) {
                          case TranscriptEntry.Marking mark ->
                              Optional.of(new TranscriptEntry.Unmarked(mark.plan()));
                          case TranscriptEntry.Marked _ -> Optional.empty();
                          default -> Optional.of(entry);
                        },
                    time -> time),
            "the token was marked against the plan, or not"));
    cases.add(
        lie(
            "another key",
            "the root has not the key that was made",
            entry ->
                entry instanceof TranscriptEntry.Generated key
                    ? new TranscriptEntry.Generated(key.keyId(), key.algorithm(), "AAAA")
                    : entry));
    cases.add(
        lie(
            "another plan's digest",
            "the transcript is of another plan",
            entry ->
                switch (entry) {
                  case TranscriptEntry.Begun begun ->
                      begun(begun, begun.mode(), "0".repeat(64), begun.inputs());
                  case TranscriptEntry.Marking mark ->
                      new TranscriptEntry.Marking("0".repeat(64), mark.transcript());
                  case TranscriptEntry.Marked mark ->
                      new TranscriptEntry.Marked("0".repeat(64), mark.transcript());
                  default -> entry;
                }));
    cases.add(
        lie(
            "a rehearsal passed off as real",
            "this is a rehearsal",
            entry ->
                entry instanceof TranscriptEntry.Begun begun
                    ? begun(begun, "rehearsal", begun.plan(), begun.inputs())
                    : entry));
    cases.add(
        lie(
            "no rehearsal",
            "not the transcript of the rehearsal that was shown",
            entry ->
                entry instanceof TranscriptEntry.Approved approved
                    ? new TranscriptEntry.Approved(approved.plan(), "")
                    : entry));
    cases.add(
        lie(
            "another request",
            "the transcript has not the inputs of the plan",
            entry ->
                entry instanceof TranscriptEntry.Begun begun
                    ? begun(begun, begun.mode(), begun.plan(), with(begun.inputs(), "web.csr"))
                    : entry));
    cases.add(
        lie(
            "fewer witnesses",
            "the token was used without the witnesses' approval",
            entry ->
                entry instanceof TranscriptEntry.Witnessed checked
                    ? new TranscriptEntry.Witnessed(checked.plan(), List.of("anna"))
                    : entry));
    cases.add(
        lie(
            "an approval of another plan",
            "the token was used without the witnesses' approval",
            entry ->
                entry instanceof TranscriptEntry.Approved approved
                    ? new TranscriptEntry.Approved("0".repeat(64), approved.rehearsal())
                    : entry));
    for (String item : CeremonyScene.ITEMS) {
      cases.add(
          lie(
              "a byte of what was signed for " + item,
              item + ": the root did not sign it",
              entry -> changed(entry, item, "Tests", "Tasts")));
      cases.add(
          lie(
              "a byte of the signature of " + item,
              item + ": the root did not sign it",
              entry ->
                  entry instanceof TranscriptEntry.Signed signed && signed.item().equals(item)
                      ? new TranscriptEntry.Signed(
                          item, flipped(signed.signature()), signed.file(), signed.digest())
                      : entry));
      cases.add(
          lie(
              "the digest of " + item,
              item + ": the digest of what was signed is wrong",
              entry ->
                  entry instanceof TranscriptEntry.Signed signed && signed.item().equals(item)
                      ? new TranscriptEntry.Signed(
                          item, signed.signature(), signed.file(), "0".repeat(64))
                      : entry));
      cases.add(
          lie(
              "the file of " + item,
              item + ": not the file's name",
              entry ->
                  entry instanceof TranscriptEntry.Signed signed && signed.item().equals(item)
                      ? new TranscriptEntry.Signed(
                          item, signed.signature(), "plan.yaml", signed.digest())
                      : entry));
    }
    cases.add(
        lie(
            "another serial number",
            "web: not the serial number that was written down",
            entry -> numbered(entry, "web", "01")));
    for (String number : List.of("9".repeat(38), "07", "x")) {
      cases.add(
          lie(
              "another number of the list: " + number,
              "crl: the number that was written down is not the plan's",
              entry -> numbered(entry, "crl", number)));
    }
    cases.add(
        new Case(
            "a signature outside the time of the plan",
            out -> rewrite(out, line -> line, line -> line.plusSeconds(400L * 86400)),
            "something was signed outside the time of the plan"));
    cases.add(
        new Case(
            "an item that the plan does not have",
            out ->
                rewrite(
                    out,
                    entry ->
                        switch (entry) {
                          case TranscriptEntry.Signing s when s.item().equals("web") ->
                              new TranscriptEntry.Signing(
                                  "www",
                                  s.kind(),
                                  s.number(),
                                  s.mechanism(),
                                  s.toBeSigned(),
                                  s.digest());
                          case TranscriptEntry.Signed s when s.item().equals("web") ->
                              new TranscriptEntry.Signed(
                                  "www", s.signature(), "www.pem", s.digest());
                          case TranscriptEntry.Completed c ->
                              new TranscriptEntry.Completed(
                                  c.made().stream().map(i -> i.equals("web") ? "www" : i).toList(),
                                  c.abandoned());
                          default -> entry;
                        },
                    time -> time),
            "www was signed, and the plan has no such item"));
    cases.add(
        lie(
            "another program than in the rehearsal",
            "another distribution was run than in the rehearsal",
            entry ->
                entry instanceof TranscriptEntry.Begun begun
                    ? new TranscriptEntry.Begun(
                        begun.ceremony(),
                        begun.mode(),
                        begun.plan(),
                        begun.tool(),
                        "0".repeat(64),
                        begun.inputs(),
                        List.of("eth0"))
                    : entry));
    cases.add(
        lie(
            "a token that was there",
            "no token was to be initialized, or not this one",
            entry ->
                entry instanceof TranscriptEntry.Initializing token
                    ? new TranscriptEntry.Initializing(token.label(), List.of(serial()))
                    : entry));
    return cases;
  }

  private static String serial() {
    try {
      return TranscriptState.of(Files.readAllBytes(original.resolve("transcript.jsonl")))
          .tokenSerial()
          .orElseThrow();
    } catch (IOException | CeremonyRefused e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("lies")
  @DisplayName("finds")
  void tampered(Case each) throws Exception {
    requireFound(each);
  }

  @Test
  @DisplayName("finds a network on the machine, when the plan wants none")
  void network() throws Exception {
    CeremonyScene offline = new CeremonyScene(folder.resolve("offline"));
    offline.plan(CeremonyScene.PLAN.replace("offline: false", "offline: true"));
    offline.rehearse();
    offline.prepare();
    Path out = offline.hold("out", "token", CeremonyScene.ITEMS);
    Verification.verify(new Folder(out), true);

    rewrite(
        offline,
        out,
        entry ->
            Optional.of(
                entry instanceof TranscriptEntry.Begun begun
                    ? new TranscriptEntry.Begun(
                        begun.ceremony(),
                        begun.mode(),
                        begun.plan(),
                        begun.tool(),
                        begun.distribution(),
                        begun.inputs(),
                        List.of("eth0"))
                    : entry),
        time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("the machine had a network, at line ");
  }

  @Test
  @DisplayName("holds what was given up against the plan too, since the root may have signed it")
  void givenUp() throws Exception {
    CeremonyScene ended = new CeremonyScene(folder.resolve("ended"));
    ended.rehearse();
    ended.prepare();
    Path out = ended.holdGivingUp(List.of("web", "crl"), "out", "token", CeremonyScene.ITEMS);
    assertThat(Verification.verify(new Folder(out), true).state().abandoned())
        .containsExactly("web", "crl");
    Path before = Files.copy(out.resolve("transcript.jsonl"), folder.resolve("given-up.jsonl"));

    rewrite(
        ended, out, entry -> Optional.of(changed(entry, "web", "Web CA", "Wab CA")), time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("web: ");

    Files.copy(before, out.resolve("transcript.jsonl"), StandardCopyOption.REPLACE_EXISTING);
    rewrite(
        ended,
        out,
        entry -> Optional.of(changed(entry, "crl", "Test Root", "Tast Root")),
        time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("crl: not the root's");

    Files.copy(before, out.resolve("transcript.jsonl"), StandardCopyOption.REPLACE_EXISTING);
    rewrite(ended, out, entry -> Optional.of(numbered(entry, "crl", "9".repeat(38))), time -> time);
    assertThatThrownBy(() -> Verification.verify(new Folder(out), true))
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("crl: the number that was written down is not the plan's");
  }

  /** The lines of what was to be signed, and given up, with another number. */
  private static TranscriptEntry numbered(TranscriptEntry entry, String item, String number) {
    return switch (entry) {
      case TranscriptEntry.Signing signing when signing.item().equals(item) ->
          new TranscriptEntry.Signing(
              item,
              signing.kind(),
              number,
              signing.mechanism(),
              signing.toBeSigned(),
              signing.digest());
      case TranscriptEntry.Abandoned given when given.item().equals(item) ->
          new TranscriptEntry.Abandoned(item, number, given.reason());
      default -> entry;
    };
  }

  /** The line of what was to be signed, with another text in it that is as long. */
  private static TranscriptEntry changed(
      TranscriptEntry entry, String item, String from, String to) {
    if (!(entry instanceof TranscriptEntry.Signing signing) || !signing.item().equals(item)) {
      return entry;
    }
    byte[] octets =
        new String(Base64.getDecoder().decode(signing.toBeSigned()), StandardCharsets.ISO_8859_1)
            .replace(from, to)
            .getBytes(StandardCharsets.ISO_8859_1);
    return new TranscriptEntry.Signing(
        item,
        signing.kind(),
        signing.number(),
        signing.mechanism(),
        Base64.getEncoder().encodeToString(octets),
        Digests.sha256(octets));
  }

  /** All lines with another entry, chained anew, the copies made anew, signed by all. */
  private static Case lie(String name, String reason, UnaryOperator<TranscriptEntry> change) {
    return new Case(name, out -> rewrite(out, change, time -> time), reason);
  }

  /** All lines but some, otherwise as in a lie. */
  private static Case without(String name, String reason, Predicate<TranscriptEntry> left) {
    return new Case(
        "without " + name,
        out -> rewrite(scene, out, entry -> Optional.of(entry).filter(left.negate()), time -> time),
        reason);
  }

  private static TranscriptEntry.Begun begun(
      TranscriptEntry.Begun begun, String mode, String plan, Map<String, String> inputs) {
    return new TranscriptEntry.Begun(
        begun.ceremony(),
        mode,
        plan,
        begun.tool(),
        begun.distribution(),
        inputs,
        begun.networkInterfaces());
  }

  private static Map<String, String> with(Map<String, String> inputs, String file) {
    Map<String, String> changed = new TreeMap<>(inputs);
    changed.put(file, "0".repeat(64));
    return changed;
  }

  private static String flipped(String base64) {
    byte[] octets = Base64.getDecoder().decode(base64);
    octets[octets.length / 2] ^= 0x01;
    return Base64.getEncoder().encodeToString(octets);
  }
}

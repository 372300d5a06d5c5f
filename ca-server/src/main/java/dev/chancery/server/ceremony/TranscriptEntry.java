package dev.chancery.server.ceremony;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Map;

/**
 * What happened, as a line of the transcript says it. Digests are SHA-256 in hexadecimal digits,
 * encodings are DER in base64.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "event")
@JsonSubTypes({
  @JsonSubTypes.Type(value = TranscriptEntry.Begun.class, name = "begun"),
  @JsonSubTypes.Type(value = TranscriptEntry.Resumed.class, name = "resumed"),
  @JsonSubTypes.Type(value = TranscriptEntry.Refusal.class, name = "refused"),
  @JsonSubTypes.Type(value = TranscriptEntry.Witnessed.class, name = "witnessed"),
  @JsonSubTypes.Type(value = TranscriptEntry.Approved.class, name = "approved"),
  @JsonSubTypes.Type(value = TranscriptEntry.Initializing.class, name = "initializing"),
  @JsonSubTypes.Type(value = TranscriptEntry.Initialized.class, name = "initialized"),
  @JsonSubTypes.Type(value = TranscriptEntry.Opened.class, name = "opened"),
  @JsonSubTypes.Type(value = TranscriptEntry.Marking.class, name = "marking"),
  @JsonSubTypes.Type(value = TranscriptEntry.Marked.class, name = "marked"),
  @JsonSubTypes.Type(value = TranscriptEntry.Unmarked.class, name = "unmarked"),
  @JsonSubTypes.Type(value = TranscriptEntry.Generating.class, name = "generating"),
  @JsonSubTypes.Type(value = TranscriptEntry.Generated.class, name = "generated"),
  @JsonSubTypes.Type(value = TranscriptEntry.Signing.class, name = "signing"),
  @JsonSubTypes.Type(value = TranscriptEntry.Signed.class, name = "signed"),
  @JsonSubTypes.Type(value = TranscriptEntry.Abandoned.class, name = "abandoned"),
  @JsonSubTypes.Type(value = TranscriptEntry.Late.class, name = "late"),
  @JsonSubTypes.Type(value = TranscriptEntry.Completed.class, name = "completed"),
  @JsonSubTypes.Type(value = TranscriptEntry.Ended.class, name = "ended"),
})
sealed interface TranscriptEntry {
  String REAL = "real";
  String REHEARSAL = "rehearsal";

  /**
   * The ceremony began; always the first line.
   *
   * @param mode real or rehearsal
   * @param plan the digest of the plan
   * @param distribution the digest of the program that runs
   * @param inputs the digests of the files that are read, by their names
   */
  record Begun(
      String ceremony,
      String mode,
      String plan,
      String tool,
      String distribution,
      Map<String, String> inputs,
      List<String> networkInterfaces)
      implements TranscriptEntry {}

  /**
   * It went on after an end that may have been no orderly one.
   *
   * @param dropped how many octets of a half-written line were taken away: what it would have said
   *     had not been done yet, or is not known to have been
   */
  record Resumed(String tool, String distribution, int dropped, List<String> networkInterfaces)
      implements TranscriptEntry {}

  /** Something was refused, and nothing signed. */
  record Refusal(String reason) implements TranscriptEntry {}

  /** These witnesses' signatures over the plan were checked. */
  record Witnessed(String plan, List<String> witnesses) implements TranscriptEntry {}

  /**
   * The people present compared the plan's digest with the one on paper, and typed it. What this
   * run of the program does with the token follows.
   *
   * @param rehearsal the digest of the transcript of the rehearsal; empty in a rehearsal
   */
  record Approved(String plan, String rehearsal) implements TranscriptEntry {}

  /**
   * A token is about to be initialized; written before.
   *
   * @param others the serial numbers of the tokens that were initialized already: it is none of
   *     them
   */
  record Initializing(String label, List<String> others) implements TranscriptEntry {}

  record Initialized(String label, String serial) implements TranscriptEntry {}

  /** The token was found and took the PIN. */
  record Opened(
      String label, String serial, String manufacturer, String model, String firmwareVersion)
      implements TranscriptEntry {}

  /**
   * The token is about to be marked as that of this plan and this transcript; written before.
   *
   * @param plan the digest of the plan
   * @param transcript random digits, which name this transcript in the token
   */
  record Marking(String plan, String transcript) implements TranscriptEntry {}

  /** The token has the mark: no other transcript of the plan is begun with it any more. */
  record Marked(String plan, String transcript) implements TranscriptEntry {}

  /** The plan says that the token bears no mark: another transcript of it could be begun. */
  record Unmarked(String plan) implements TranscriptEntry {}

  /** A key is about to be made; written before. */
  record Generating(String keyId, String algorithm) implements TranscriptEntry {}

  /**
   * The root's key.
   *
   * @param publicKey a SubjectPublicKeyInfo
   */
  record Generated(String keyId, String algorithm, String publicKey) implements TranscriptEntry {}

  /**
   * The key is about to sign these bytes, which were confirmed; written before, so that whatever
   * the key has signed stands here.
   *
   * @param item the name in the plan
   * @param kind certificate or crl
   * @param number the serial number, or the number of the CRL
   * @param mechanism how it is signed
   * @param digest of the bytes to be signed
   */
  record Signing(
      String item, String kind, String number, String mechanism, String toBeSigned, String digest)
      implements TranscriptEntry {}

  /**
   * The signature, verified.
   *
   * @param file where the certificate or CRL was put
   * @param digest of the certificate or CRL in DER
   */
  record Signed(String item, String signature, String file, String digest)
      implements TranscriptEntry {}

  /** No signature of this item was kept, and none will be made: its serial number is revoked. */
  record Abandoned(String item, String number, String reason) implements TranscriptEntry {}

  /**
   * The plan expired before the ceremony was at its end: nothing is made any more, and an end is
   * all that follows.
   *
   * @param until when it expired
   */
  record Late(String until) implements TranscriptEntry {}

  /** Everything of the plan is made or given up; always the last line. */
  record Completed(List<String> made, List<String> abandoned) implements TranscriptEntry {}

  /**
   * The end of a ceremony that was late; always the last line.
   *
   * @param notMade what of the plan was never begun to be signed, and never will be
   */
  record Ended(List<String> made, List<String> abandoned, List<String> notMade)
      implements TranscriptEntry {
    public Ended {
      made = List.copyOf(made);
      abandoned = List.copyOf(abandoned);
      notMade = List.copyOf(notMade);
    }
  }
}

package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateRecord;
import dev.chancery.store.RenewalMarks;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Says when a certificate should be renewed (RFC 9773 section 4). Nobody need sign for it, and
 * caches may keep it for a while: what it says is no secret.
 */
final class RenewalInfoResource {
  /** A client takes no less than this for an answer (section 4.3.2). */
  private static final Duration SHORTEST_RETRY = Duration.ofMinutes(1);

  /** How late a cache may make a mark or a revocation known. */
  private static final Duration FRESH = Duration.ofMinutes(5);

  private static final int LOOKS_IN_A_LIFE = 24;
  private static final int TAG_OCTETS = 16;

  private final LedgerCertificates certificates;
  private final RenewalMarks marks;
  private final Duration retryAfter;

  /**
   * @param retryAfter how long a client should wait before it asks again
   */
  RenewalInfoResource(LedgerCertificates certificates, RenewalMarks marks, Duration retryAfter) {
    this.certificates = certificates;
    this.marks = marks;
    this.retryAfter = retryAfter;
  }

  /**
   * The RenewalInfo object of section 4.2.
   *
   * @param known the If-None-Match header
   */
  Reply reply(AcmeUrls urls, String identifier, Optional<String> known) throws AcmeProblem {
    CertificateRecord certificate =
        certificates
            .find(urls.endpoint(), CertificateIdentifier.parse(identifier))
            .orElseThrow(
                () -> new AcmeProblem(AcmeError.NOT_FOUND, "the certificate was not issued here"));
    RenewalWindow window = RenewalWindow.of(certificate, marks.on(certificate));
    ObjectNode json = Json.object();
    json.putObject("suggestedWindow")
        .put("start", Times.text(window.start()))
        .put("end", Times.text(window.end()));
    window
        .mark()
        .flatMap(mark -> mark.explanation())
        .ifPresent(url -> json.put("explanationURL", url.toString()));
    String tag = tag(json);
    boolean unchanged = known.filter(tags -> isAmong(tags, tag)).isPresent();
    Duration wait = wait(certificate);
    return (unchanged ? Reply.empty(304) : Reply.json(200, json))
        .withRetryAfter((int) wait.toSeconds())
        .with("Cache-Control", "public, max-age=" + Math.min(FRESH.toSeconds(), wait.toSeconds()))
        .with("ETag", tag);
  }

  /** A certificate of a day cannot wait for as long as one of a year. */
  private Duration wait(CertificateRecord certificate) {
    Duration part =
        Duration.of(
            certificate.notBefore().until(certificate.notAfter(), ChronoUnit.SECONDS)
                / LOOKS_IN_A_LIFE,
            ChronoUnit.SECONDS);
    Duration wait = part.compareTo(retryAfter) < 0 ? part : retryAfter;
    return wait.compareTo(SHORTEST_RETRY) < 0 ? SHORTEST_RETRY : wait;
  }

  private static String tag(ObjectNode json) {
    byte[] digest = Sha256.of(Json.write(json));
    return "\"" + Base64Url.encode(Arrays.copyOf(digest, TAG_OCTETS)) + "\"";
  }

  /** RFC 9110 section 13.1.2, where weak and strong tags compare equal. */
  private static boolean isAmong(String tags, String tag) {
    return Stream.of(tags.split(","))
        .map(String::strip)
        .anyMatch(one -> one.equals("*") || one.equals(tag) || one.equals("W/" + tag));
  }
}

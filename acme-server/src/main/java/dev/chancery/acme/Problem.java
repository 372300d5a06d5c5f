package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Refused;
import java.net.URI;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A problem document (RFC 9457, RFC 8555 section 6.7).
 *
 * @param detail written for the client; it never says how this server is built
 * @param terms the terms of service that are to be agreed to (RFC 8555 section 7.3.3)
 */
record Problem(AcmeError error, String detail, List<Subproblem> subproblems, Optional<URI> terms) {
  private static final int LONGEST_DETAIL = 2000;

  /** What was wrong with one identifier (RFC 8555 section 6.7.1). */
  record Subproblem(AcmeError error, String detail, ObjectNode identifier) {}

  Problem {
    subproblems = List.copyOf(subproblems);
    detail = detail.length() > LONGEST_DETAIL ? detail.substring(0, LONGEST_DETAIL) : detail;
  }

  Problem(AcmeError error, String detail, List<Subproblem> subproblems) {
    this(error, detail, subproblems, Optional.empty());
  }

  static Problem of(AcmeError error, String detail) {
    return new Problem(error, detail, List.of());
  }

  static Problem ofTerms(URI terms) {
    return new Problem(
        AcmeError.USER_ACTION_REQUIRED,
        "the terms of service must be agreed to: " + terms,
        List.of(),
        Optional.of(terms));
  }

  static Problem of(Refused refused) {
    return of(AcmeError.of(refused.reason()), refused);
  }

  /** RFC 8555 section 6.7.1: one bad identifier speaks for itself, several are listed. */
  static Problem ofIdentifiers(List<Subproblem> bad) {
    Subproblem first = bad.getFirst();
    if (bad.size() == 1) {
      return new Problem(first.error(), first.detail(), bad);
    }
    boolean alike = bad.stream().allMatch(one -> one.error() == first.error());
    return new Problem(
        alike ? first.error() : AcmeError.MALFORMED,
        bad.size() + " identifiers cannot be certified",
        bad);
  }

  /** A refusal under an error of the caller's choice. */
  static Problem of(AcmeError error, Refused refused) {
    return of(error, Objects.requireNonNullElse(refused.getMessage(), "refused"));
  }

  ObjectNode toJson() {
    ObjectNode json = document(error, detail);
    // Clients read this member before the HTTP status, so the two are the same.
    json.put("status", error.status());
    terms.ifPresent(uri -> json.put("instance", uri.toString()));
    if (error == AcmeError.BAD_SIGNATURE_ALGORITHM) {
      ArrayNode algorithms = json.putArray("algorithms");
      Jws.ALGORITHMS.forEach(algorithms::add);
    }
    if (!subproblems.isEmpty()) {
      ArrayNode list = json.putArray("subproblems");
      for (Subproblem subproblem : subproblems) {
        list.add(
            document(subproblem.error(), subproblem.detail())
                .set("identifier", subproblem.identifier()));
      }
    }
    return json;
  }

  private static ObjectNode document(AcmeError error, String detail) {
    return Json.object().put("type", error.urn()).put("detail", detail);
  }
}

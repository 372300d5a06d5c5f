package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What a request is answered with. Immutable: each addition gives a new reply. */
final class Reply {
  record Header(String name, String value) {}

  private final int status;
  private final Optional<String> contentType;
  private final byte[] content;
  private final List<Header> headers;

  private Reply(int status, Optional<String> contentType, byte[] content, List<Header> headers) {
    this.status = status;
    this.contentType = contentType;
    this.content = content;
    this.headers = List.copyOf(headers);
  }

  static Reply empty(int status) {
    return new Reply(status, Optional.empty(), new byte[0], List.of());
  }

  static Reply of(int status, String contentType, byte[] content) {
    return new Reply(status, Optional.of(contentType), content.clone(), List.of());
  }

  static Reply json(int status, ObjectNode json) {
    return of(status, "application/json", Json.write(json));
  }

  static Reply problem(Problem problem) {
    return problem(problem.toJson());
  }

  /** A problem document as it was stored, with its status in it. */
  static Reply problem(ObjectNode document) {
    return of(document.get("status").intValue(), "application/problem+json", Json.write(document));
  }

  Reply with(String name, String value) {
    List<Header> more = new ArrayList<>(headers);
    more.add(new Header(name, value));
    return new Reply(status, contentType, content, more);
  }

  Reply withLocation(String url) {
    return with("Location", url);
  }

  Reply withLink(String url, String relation) {
    return with("Link", "<" + url + ">;rel=\"" + relation + "\"");
  }

  Reply withRetryAfter(int seconds) {
    return with("Retry-After", Integer.toString(seconds));
  }

  int status() {
    return status;
  }

  Optional<String> contentType() {
    return contentType;
  }

  byte[] content() {
    return content.clone();
  }

  List<Header> headers() {
    return headers;
  }
}

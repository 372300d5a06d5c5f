package dev.chancery.kubernetes;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Der;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** What a request is answered with. */
record Reply(int status, Optional<String> contentType, Der content, Optional<Integer> retryAfter) {
  private static final String JSON = "application/json";

  static Reply empty() {
    return new Reply(204, Optional.empty(), Der.of(new byte[0]), Optional.empty());
  }

  static Reply json(int status, ObjectNode body) {
    return of(status, JSON, body.toString().getBytes(StandardCharsets.UTF_8));
  }

  static Reply of(int status, String contentType, byte[] content) {
    return new Reply(status, Optional.of(contentType), Der.of(content), Optional.empty());
  }

  /** The body of every error: clients paste its texts into what they show. */
  static Reply error(int status, String... messages) {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    List.of(messages).forEach(body.putArray("errors")::add);
    return json(status, body);
  }

  Reply withRetryAfter(int seconds) {
    return new Reply(status, contentType, content, Optional.of(seconds));
  }

  /** The members that surround what is answered, with nothing in them. */
  static ObjectNode envelope() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    // No log here has ids of requests, so one would lead nowhere.
    body.put("request_id", "")
        .put("lease_id", "")
        .put("renewable", false)
        .put("lease_duration", 0)
        .putNull("data");
    body.putNull("wrap_info").putNull("warnings").putNull("auth");
    return body;
  }

  static Reply data(ObjectNode data) {
    ObjectNode body = envelope();
    body.set("data", data);
    return json(200, body);
  }
}

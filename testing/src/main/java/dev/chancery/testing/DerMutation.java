package dev.chancery.testing;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Mutants of DER whose outer values fit their contents, unless a length is what was changed: values
 * gone, repeated, in another order, of another type, nested, or of another content.
 */
public final class DerMutation {
  private static final int CONSTRUCTED = 0x20;
  private static final int SEQUENCE = 0x30;
  private static final int[] TAGS = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17, 0x1e, 0x24, 0x30, 0x31, 0x80, 0x82,
    0x87, 0xa0, 0xa3, 0x1f
  };
  private static final int DEEPEST = 2000;

  private final Mutation mutation;

  public DerMutation(Mutation mutation) {
    this.mutation = mutation;
  }

  /** Other octets; octets that are no DER are changed as octets. */
  public byte[] of(byte[] right) {
    Optional<Value> parsed = Value.parse(right);
    if (parsed.isEmpty()) {
      return mutation.octets(right);
    }
    Value root = parsed.get();
    for (int place = mutation.places(); place > 0; place--) {
      change(mutation.one(root.all(new ArrayList<>())));
    }
    return root.encoded();
  }

  /** A SEQUENCE of values, DER or not. */
  public static byte[] sequence(byte[]... values) {
    ByteArrayOutputStream contents = new ByteArrayOutputStream();
    for (byte[] value : values) {
      contents.writeBytes(value);
    }
    return Value.encoded(SEQUENCE, Value.shortest(contents.size()), contents.toByteArray());
  }

  private void change(Value value) {
    List<Value> children = value.children;
    int at = children.isEmpty() ? 0 : mutation.below(children.size());
    switch (mutation.below(9)) {
      case 0 ->
          value.tag = mutation.oneIn(2) ? TAGS[mutation.below(TAGS.length)] : mutation.below(256);
      case 1 -> value.length = Optional.of(length(value.encoded().length));
      case 2 -> nest(value);
      case 3 -> {
        if (!children.isEmpty()) {
          children.remove(at);
        }
      }
      case 4 -> {
        if (!children.isEmpty()) {
          Value again = children.get(at);
          for (int times = mutation.oneIn(20) ? mutation.below(300) : 1; times > 0; times--) {
            children.add(again);
          }
        }
      }
      case 5 -> {
        if (!children.isEmpty()) {
          children.add(mutation.below(children.size()), children.remove(at));
        }
      }
      default -> {
        if (children.isEmpty()) {
          value.content = mutation.octets(value.content);
        } else {
          value.content = value.contents();
          value.children.clear();
          value.content = mutation.octets(value.content);
        }
      }
    }
  }

  private void nest(Value value) {
    int levels = mutation.oneIn(30) ? mutation.below(DEEPEST) : 1;
    byte[] inner = value.encoded();
    for (int level = 0; level < levels; level++) {
      inner = Value.encoded(SEQUENCE, Value.shortest(inner.length), inner);
    }
    value.children.clear();
    value.content = inner;
    value.tag = SEQUENCE;
  }

  private byte[] length(int right) {
    return switch (mutation.below(6)) {
      case 0 -> new byte[] {(byte) 0x80};
      case 1 -> new byte[] {(byte) 0x84, 0x7f, -1, -1, -1};
      case 2 -> new byte[] {(byte) 0x88, 0, 0, 0, 0, 0, 0, 0, (byte) right};
      case 3 -> new byte[] {(byte) 0x82, (byte) (right >> 8), (byte) right};
      case 4 -> new byte[] {(byte) 0xff};
      default -> mutation.noise(1 + mutation.below(4));
    };
  }

  /** A value with its contents; changed in place. */
  private static final class Value {
    private int tag;
    private byte[] content;
    private Optional<byte[]> length = Optional.empty();
    private final List<Value> children = new ArrayList<>();

    private Value(int tag, byte[] content) {
      this.tag = tag;
      this.content = content;
    }

    static Optional<Value> parse(byte[] der) {
      List<Value> values = parseAll(der);
      return values.size() == 1 ? Optional.of(values.getFirst()) : Optional.empty();
    }

    /** Nothing when it is not DER throughout. */
    private static List<Value> parseAll(byte[] der) {
      List<Value> values = new ArrayList<>();
      int at = 0;
      while (at < der.length) {
        if (der.length - at < 2) {
          return List.of();
        }
        int octets = der[at + 1] & 0xff;
        int start = at + 2;
        int length = octets;
        if (octets >= 0x80) {
          length = 0;
          for (int i = octets & 0x7f; i > 0 && start < der.length; i--) {
            length = length << 8 | (der[start++] & 0xff);
          }
        }
        if (length < 0 || length > der.length - start) {
          return List.of();
        }
        Value value = new Value(der[at] & 0xff, Arrays.copyOfRange(der, start, start + length));
        // An OCTET STRING may hold DER, as those of extensions do.
        if ((value.tag & CONSTRUCTED) != 0 || value.tag == 0x04) {
          value.children.addAll(parseAll(value.content));
        }
        values.add(value);
        at = start + length;
      }
      return values;
    }

    List<Value> all(List<Value> found) {
      found.add(this);
      children.forEach(child -> child.all(found));
      return found;
    }

    byte[] contents() {
      if (children.isEmpty()) {
        return content;
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      children.forEach(child -> out.writeBytes(child.encoded()));
      return out.toByteArray();
    }

    byte[] encoded() {
      byte[] contents = contents();
      return encoded(tag, length.orElseGet(() -> shortest(contents.length)), contents);
    }

    static byte[] encoded(int tag, byte[] length, byte[] contents) {
      ByteArrayOutputStream out = new ByteArrayOutputStream(contents.length + 8);
      out.write(tag);
      out.writeBytes(length);
      out.writeBytes(contents);
      return out.toByteArray();
    }

    static byte[] shortest(int length) {
      if (length < 0x80) {
        return new byte[] {(byte) length};
      }
      if (length < 0x100) {
        return new byte[] {(byte) 0x81, (byte) length};
      }
      if (length < 0x10000) {
        return new byte[] {(byte) 0x82, (byte) (length >> 8), (byte) length};
      }
      return new byte[] {(byte) 0x83, (byte) (length >> 16), (byte) (length >> 8), (byte) length};
    }
  }
}

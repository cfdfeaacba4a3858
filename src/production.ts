// Imported first by the entries: libraries leave out what they do for developers alone. Otherwise graphql, for one, makes sure
// for every field that its type was not made by a second copy of graphql.

process.env['NODE_ENV'] ??= 'production';

-- Foreign keys and triggers. None of the referencing columns has an index of its own.

-- step: foreign keys
alter table public.profiles
  add constraint profiles_id_fkey foreign key (id) references auth.users (id) on delete cascade,
  add constraint profiles_city_id_fkey foreign key (city_id) references public.cities (id);
alter table public.professional_profiles
  add constraint professional_profiles_profile_id_fkey
    foreign key (profile_id) references public.profiles (id) on delete cascade,
  add constraint professional_profiles_city_id_fkey foreign key (city_id) references public.cities (id);
alter table public.availability
  add constraint availability_professional_id_fkey
    foreign key (professional_id) references public.professional_profiles (profile_id) on delete cascade;
alter table public.bookings
  add constraint bookings_customer_id_fkey foreign key (customer_id) references public.profiles (id),
  add constraint bookings_professional_id_fkey
    foreign key (professional_id) references public.professional_profiles (profile_id),
  add constraint bookings_city_id_fkey foreign key (city_id) references public.cities (id);
alter table public.reviews
  add constraint reviews_booking_id_fkey foreign key (booking_id) references public.bookings (id) on delete cascade,
  add constraint reviews_customer_id_fkey foreign key (customer_id) references public.profiles (id),
  add constraint reviews_professional_id_fkey
    foreign key (professional_id) references public.professional_profiles (profile_id);
alter table public.payment_intents
  add constraint payment_intents_booking_id_fkey foreign key (booking_id) references public.bookings (id),
  add constraint payment_intents_customer_id_fkey foreign key (customer_id) references public.profiles (id);
alter table public.favorites
  add constraint favorites_customer_id_fkey
    foreign key (customer_id) references public.profiles (id) on delete cascade,
  add constraint favorites_professional_id_fkey
    foreign key (professional_id) references public.professional_profiles (profile_id) on delete cascade;
alter table public.conversations
  add constraint conversations_booking_id_fkey
    foreign key (booking_id) references public.bookings (id) on delete set null,
  add constraint conversations_created_by_fkey foreign key (created_by) references public.profiles (id);
alter table public.conversation_members
  add constraint conversation_members_conversation_id_fkey
    foreign key (conversation_id) references public.conversations (id) on delete cascade,
  add constraint conversation_members_user_id_fkey
    foreign key (user_id) references public.profiles (id) on delete cascade;
alter table public.messages
  add constraint messages_conversation_id_fkey
    foreign key (conversation_id) references public.conversations (id) on delete cascade,
  add constraint messages_sender_id_fkey foreign key (sender_id) references public.profiles (id);
alter table public.notifications
  add constraint notifications_user_id_fkey foreign key (user_id) references public.profiles (id) on delete cascade;

-- step: triggers
create trigger set_updated_at before update on public.profiles
  for each row execute function public.set_updated_at();
create trigger set_updated_at before update on public.professional_profiles
  for each row execute function public.set_updated_at();
create trigger set_updated_at before update on public.bookings
  for each row execute function public.set_updated_at();
create trigger set_updated_at before update on public.payment_intents
  for each row execute function public.set_updated_at();
